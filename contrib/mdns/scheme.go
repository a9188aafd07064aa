package sigmdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// A Scheme dials mdns://NAME. The zero value finds routers and cannot connect to them: set
// Through.
type Scheme struct {
	// Through are the carriers by which a router that was found is dialled.
	Through carrier.Schemes
	// Timeout bounds the search. Zero means 3 s. The context of a dial may end it earlier.
	Timeout time.Duration
	// Interface is where to search. Nil means the system's choice.
	Interface *net.Interface
}

func (s Scheme) timeout() time.Duration {
	if s.Timeout <= 0 {
		return 3 * time.Second
	}
	return s.Timeout
}

// Schemes returns "mdns".
func (Scheme) Schemes() []string { return []string{"mdns"} }

// Listen fails: an Advert makes a router found.
func (Scheme) Listen(_ context.Context, u *url.URL) (carrier.Listener, error) {
	return nil, fmt.Errorf("mdns: %s: nobody can listen at a name; listen at tcp://0.0.0.0:3000, say, and have it found with sigmdns.Advert", u.Redacted())
}

// preferred are the carriers that a router may be found at, best first.
func preferred() []string { return []string{"tls", "wss", "tcp", "ws"} }

// Dial finds a router by the host of u, or the only one if it has none, and connects to it:
// by TLS where it has that, or by the carrier that the setting via names.
func (s Scheme) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	params, err := carrier.Params(u, "via")
	if err != nil {
		return nil, fmt.Errorf("mdns: %w", err)
	}
	via := preferred()
	if v, ok := params["via"]; ok {
		if !slices.Contains(via, v) {
			return nil, fmt.Errorf("mdns: %s: via is %q; it can be %s", u.Redacted(), v, strings.Join(via, ", "))
		}
		via = []string{v}
	}
	if u.Port() != "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("mdns: %s: a name has neither port nor path; those are found", u.Redacted())
	}
	name := u.Hostname()
	var failed error
	found, err := s.search(ctx, func(all []Found) bool {
		return name != "" && slices.ContainsFunc(all, func(f Found) bool { return f.named(name) })
	})
	if err != nil {
		return nil, fmt.Errorf("mdns: %w", err)
	}
	router, err := choose(found, name)
	if err != nil {
		return nil, fmt.Errorf("mdns: %w", err)
	}
	for _, scheme := range via {
		for _, at := range router.URLs {
			if !strings.HasPrefix(at, scheme+"://") {
				continue
			}
			conn, err := s.Through.Dial(ctx, at)
			if err == nil {
				return conn, nil
			}
			failed = errors.Join(failed, err)
		}
	}
	if failed == nil {
		return nil, fmt.Errorf("mdns: router %q was found at %s, and not by %s", router.Name, strings.Join(router.URLs, " and "), strings.Join(via, ", "))
	}
	return nil, fmt.Errorf("mdns: router %q was found: %w", router.Name, failed)
}

// choose returns the router of a name, or the only one there is.
func choose(found []Found, name string) (Found, error) {
	const advice = "is it advertised, on this network, and does no firewall close UDP port 5353? Or give its address, as in tcp://host:3000"
	switch {
	case name == "" && len(found) == 1:
		return found[0], nil
	case name == "" && len(found) > 1:
		return Found{}, fmt.Errorf("there are %d routers: %s; name one, as in mdns://%s", len(found), names(found), found[0].Name)
	case name == "":
		return Found{}, fmt.Errorf("no router has answered; %s", advice)
	}
	for _, f := range found {
		if f.named(name) {
			return f, nil
		}
	}
	if len(found) > 0 {
		return Found{}, fmt.Errorf("no router %q has answered, but %s; %s", name, names(found), advice)
	}
	return Found{}, fmt.Errorf("no router %q has answered; %s", name, advice)
}

func names(found []Found) string {
	var all []string
	for _, f := range found {
		all = append(all, fmt.Sprintf("%q", f.Name))
	}
	return strings.Join(all, ", ")
}
