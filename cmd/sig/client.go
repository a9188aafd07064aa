package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/tls"
	"github.com/sigrouter/sigrouter/carrier/ws"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// defaultURL is where sig serve listens and where the other commands look for it.
const defaultURL = "tcp://127.0.0.1:3000"

// clientFlags say which router a command talks to, and as whom.
type clientFlags struct {
	url       string
	timeout   time.Duration
	name      string
	tokenFile string
	ca        string
	cert      string
	key       string
	insecure  bool

	flags *pflag.FlagSet // which knows what was given; nil for none
}

// patience is how long a command tries to connect, and waits for an answer, unless told
// otherwise.
const patience = 10 * time.Second

func (f *clientFlags) add(flags *pflag.FlagSet) {
	flags.DurationVar(&f.timeout, "timeout", patience, "give up connecting, or waiting for an answer, after this long")
	f.addConnection(flags)
}

// addConnection adds all flags but --timeout, for commands where that means something else.
func (f *clientFlags) addConnection(flags *pflag.FlagSet) {
	f.timeout, f.flags = patience, flags
	flags.StringVar(&f.url, "url", "", "`address` of the router (default "+defaultURL+"; env SIG_URL)")
	flags.StringVar(&f.name, "name", "", "`name` to be known by at the router (default that of the command)")
	flags.StringVar(&f.tokenFile, "token-file", "", "`file` with the token to log in with (env SIG_TOKEN_FILE)")
	flags.StringVar(&f.ca, "ca", "", "`file` with the certificates to trust, PEM (env SIG_CA)")
	flags.StringVar(&f.cert, "cert", "", "`file` with the certificate to show, PEM (env SIG_CERT)")
	flags.StringVar(&f.key, "key", "", "`file` with the key of --cert, PEM (env SIG_KEY)")
	flags.BoolVar(&f.insecure, "insecure", false, "do not check the router's certificate")
}

// resolve fills in what the environment says and checks what was given.
func (f *clientFlags) resolve(getenv func(string) string) error {
	f.url = cmp.Or(f.url, getenv("SIG_URL"), defaultURL)
	f.tokenFile = cmp.Or(f.tokenFile, getenv("SIG_TOKEN_FILE"))
	f.ca = cmp.Or(f.ca, getenv("SIG_CA"))
	f.cert = cmp.Or(f.cert, getenv("SIG_CERT"))
	f.key = cmp.Or(f.key, getenv("SIG_KEY"))
	switch {
	case f.timeout <= 0:
		return usagef("--timeout is %v; it has to be more than nothing", f.timeout)
	case (f.cert == "") != (f.key == ""):
		return usagef("--cert and --key go together; one of them is missing")
	}
	if err := checkURL(f.url); err != nil {
		return err
	}
	known := f.schemes()
	if scheme, _, _ := strings.Cut(f.url, ":"); known[scheme] == nil {
		u, _ := url.Parse(f.url) // checkURL has read it
		if try := carrier.WebSocketURL(u); try != "" {
			return usagef("%q is the address of a web page, and a client speaks no HTTP; did you mean %s?", f.url, try)
		}
		return usagef("%q is no address of a router; those begin with %s", f.url, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	return f.checkUseless()
}

// checkUseless reports flags about certificates where there is no TLS. What the environment
// says of them is for every address, and no mistake.
func (f *clientFlags) checkUseless() error {
	if f.flags == nil || encrypted(f.url) {
		return nil
	}
	for _, name := range []string{"ca", "cert", "key", "insecure"} {
		if f.flags.Changed(name) {
			return usagef("--%s has no effect at %s, where there is no TLS; leave it out, or connect to a tls:// or wss:// address", name, f.url)
		}
	}
	return nil
}

// schemes returns the carriers, with what the flags say of certificates.
func (f *clientFlags) schemes() carrier.Schemes {
	s := sigrouter.Schemes()
	s["tls"] = tls.Scheme{CertFile: f.cert, KeyFile: f.key, CAFile: f.ca, Insecure: f.insecure}
	s["wss"] = ws.Scheme{CertFile: f.cert, KeyFile: f.key, CAFile: f.ca, Insecure: f.insecure}
	return s
}

// checkURL reports why an address cannot be one, whatever carriers there are.
func checkURL(address string) error {
	u, err := url.Parse(address)
	hostPort := err != nil || u.Scheme == "" || u.Opaque != "" && strings.Trim(u.Opaque, "0123456789") == ""
	if !hostPort && (u.Host != "" || u.Opaque != "" || u.Path != "" || strings.HasSuffix(address, ":")) {
		return nil
	}
	if hostPort && !strings.Contains(address, "://") && strings.Contains(address, ":") {
		return usagef("%q is no address; did you mean tcp://%s?", address, address)
	}
	return usagef("%q is no address; write it as tcp://127.0.0.1:3000", address)
}

// A connection is a client of a router, for one command.
type connection struct {
	*router.ClientRouter
	bus  sig.Bus    // the router's
	lost chan error // gets why, when the connection is lost for good

	app      *app
	url      string
	patience time.Duration

	mu     sync.Mutex
	failed error // what went wrong later than the call that began it
	closed bool  // by us: nothing to report any more
}

// dial connects to the router that the flags name. Once is for commands that are over soon:
// they do not connect again.
func (a *app) dial(ctx context.Context, f *clientFlags, once bool) (*connection, error) {
	return a.dialAs(ctx, f, once, func(router.State) {})
}

// dialAs is dial for those who want to know when the connection comes and goes.
func (a *app) dialAs(ctx context.Context, f *clientFlags, once bool, told func(router.State)) (*connection, error) {
	if err := f.resolve(a.getenv); err != nil {
		return nil, err
	}
	token, err := readToken(f.tokenFile)
	if err != nil {
		return nil, err
	}
	c := &connection{lost: make(chan error, 1), app: a, url: f.url, patience: f.timeout}
	o := router.ClientOptions{
		Schemes: f.schemes(), Name: cmp.Or(f.name, a.command), Token: token,
		NoReconnect: once, OnState: c.state(once, told), OnError: c.later,
	}
	try, cancel := context.WithTimeoutCause(ctx, f.timeout, fmt.Errorf("no answer within %v", f.timeout))
	defer cancel()
	c.ClientRouter, err = o.Dial(try, f.url)
	if err != nil {
		return nil, connectError{c.why(ctx, try, err), f.url}
	}
	c.bus = c.Remote()
	return c, nil
}

// why returns the reason for a failure: that of the context where it is over.
func (c *connection) why(outer, inner context.Context, err error) error {
	switch {
	case outer.Err() != nil:
		return context.Cause(outer)
	case inner.Err() != nil && errors.Is(err, inner.Err()):
		return fmt.Errorf("cannot connect to %s: %w", c.url, context.Cause(inner))
	}
	return err
}

// state returns what is told of the connection's coming and going.
func (c *connection) state(once bool, told func(router.State)) func(router.State) {
	first := true
	return func(s router.State) {
		told(s)
		switch {
		case c.isClosed():
		case s.Connected && first:
			first = false
		case s.Connected:
			c.app.note("sig: connected to %s again", c.url)
		case errors.Is(s.Err, sig.ErrRefused):
			c.lose(s.Err)
		case once:
			c.lose(c.lostError(s.Err))
		default:
			c.app.note("sig: connection to %s lost (%v); connecting again", c.url, s.Err)
		}
	}
}

func (c *connection) lostError(err error) error {
	return connectError{fmt.Errorf("connection to %s lost: %w", c.url, err), c.url}
}

// lose ends the command that waits for more.
func (c *connection) lose(err error) {
	select {
	case c.lost <- err:
	default:
	}
}

// untilLost returns a context that ends when the connection is lost for good, with the
// reason as its cause.
func (c *connection) untilLost(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case err := <-c.lost:
			cancel(err)
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel(nil)
		wg.Wait()
	}
}

// later takes an error of something that had seemed to go well.
func (c *connection) later(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = err
	}
	if errors.Is(err, sig.ErrRefused) {
		c.lose(err)
	}
}

// failure returns the first error that came later than the call that began it.
func (c *connection) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// explain returns what a call failed with: the interruption, if that is the reason, else
// the error and what it was about.
func (c *connection) explain(ctx context.Context, err error, what string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = sig.Errorf(sig.ErrTimeout, "no answer within %v; --timeout gives it longer", c.patience)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// close ends the connection when what is on its way has arrived.
func (c *connection) close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	return c.Shutdown(context.Background()) // within its own limit, 5 s
}

func (c *connection) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// readToken reads the token to log in with; "" without a file.
func readToken(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", usagef("--token-file: %w", err)
	}
	if err != nil {
		return "", err
	}
	token := string(bytes.TrimSpace(b))
	if token == "" {
		return "", usagef("--token-file: %s is empty", file)
	}
	return token, nil
}
