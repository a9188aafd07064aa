package carrier

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// A Scheme makes connections for one or more URL schemes. Each carrier package has
// one, a struct whose zero value is ready for use and whose fields are what a URL
// cannot say, a TLS configuration for instance.
type Scheme interface {
	// Schemes returns the URL schemes served: "tcp"; "ws" and "wss".
	Schemes() []string
	// Dial connects to u. It gives up when ctx ends; ctx has no say afterwards.
	Dial(ctx context.Context, u *url.URL) (Conn, error)
	// Listen waits for connections at u. ctx bounds only the setting up.
	Listen(ctx context.Context, u *url.URL) (Listener, error)
}

// A Checker is a Scheme that can say what is wrong with an address to listen at, before
// anybody listens there. It uses nothing: whether the port is free it does not know.
type Checker interface {
	Check(u *url.URL) error
}

// Schemes finds carriers by URL scheme. The nil map has none.
type Schemes map[string]Scheme

// NewSchemes collects schemes. A later one replaces an earlier one of the same name.
func NewSchemes(schemes ...Scheme) Schemes {
	s := Schemes{}
	for _, x := range schemes {
		for _, name := range x.Schemes() {
			s[name] = x
		}
	}
	return s
}

// Dial connects to the address, for instance "tcp://127.0.0.1:3000".
func (s Schemes) Dial(ctx context.Context, address string) (Conn, error) {
	x, u, err := s.find(address)
	if err != nil {
		return nil, err
	}
	return x.Dial(ctx, u)
}

// Listen waits for connections at the address.
func (s Schemes) Listen(ctx context.Context, address string) (Listener, error) {
	x, u, err := s.find(address)
	if err != nil {
		return nil, err
	}
	return x.Listen(ctx, u)
}

// Check says what is wrong with an address to listen at, as far as its Scheme can tell
// without listening.
func (s Schemes) Check(address string) error {
	x, u, err := s.find(address)
	if err != nil {
		return err
	}
	if c, ok := x.(Checker); ok {
		return c.Check(u)
	}
	return nil
}

func (s Schemes) find(address string) (Scheme, *url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, nil, fmt.Errorf("carrier: %q is not a URL such as tcp://127.0.0.1:3000: %w", address, err)
	}
	if x, ok := s[u.Scheme]; ok {
		return x, u, nil
	}
	if len(s) == 0 {
		return nil, nil, fmt.Errorf("carrier: no carrier for %q: this router was given none; package sigrouter has all of them", address)
	}
	known := slices.Sorted(maps.Keys(s))
	err = fmt.Errorf("carrier: no carrier for %q; known are %s", address, strings.Join(known, ", "))
	if try := WebSocketURL(u); try != "" {
		err = fmt.Errorf("%w; did you mean %s?", err, try)
	}
	return nil, nil, err
}

// WebSocketURL returns what somebody who gives the address of a web page may mean: the
// WebSocket there, at /sig if no path is given, as that of sig serve is. It is "" for all
// but http:// and https:// URLs.
func WebSocketURL(u *url.URL) string {
	scheme := map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	if scheme == "" || u.Host == "" {
		return ""
	}
	try := url.URL{Scheme: scheme, Host: u.Host, Path: u.Path}
	if strings.Trim(u.Path, "/") == "" {
		try.Path = "/sig"
	}
	return try.String()
}

// Params takes the query of a URL apart for a carrier that understands the named keys.
// A key it does not know, or one given twice, is an error: a misspelt setting must
// not pass for a default.
func Params(u *url.URL, known ...string) (map[string]string, error) {
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	out := make(map[string]string, len(q))
	for k, v := range q {
		switch {
		case !slices.Contains(known, k) && len(known) == 0:
			return nil, fmt.Errorf("%s: unknown setting %q; %s addresses have none", u.Redacted(), k, u.Scheme)
		case !slices.Contains(known, k):
			return nil, fmt.Errorf("%s: unknown setting %q; known are %s", u.Redacted(), k, strings.Join(known, ", "))
		case len(v) > 1:
			return nil, fmt.Errorf("%s: setting %q is given %d times", u.Redacted(), k, len(v))
		}
		out[k] = v[0]
	}
	return out, nil
}
