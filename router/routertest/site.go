package routertest

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"sync"
	"testing"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/router"
)

// address is where the server of a Site listens, in a network of its own.
const address = "local://site"

// A Site is a server and the clients that reach it over memory. Everything ends with
// the test. The methods may be called from several goroutines at once.
type Site struct {
	// Server is the router in the middle.
	Server *router.ServerRouter

	t       testing.TB
	network *wires
}

// New starts a server with default options. What it and its clients log becomes part of
// the test's output.
func New(t testing.TB) *Site {
	t.Helper()
	return NewWith(t, router.ServerOptions{})
}

// NewWith starts a server with options, whose Schemes are set for it.
func NewWith(t testing.TB, o router.ServerOptions) *Site {
	t.Helper()
	s := &Site{t: t, network: &wires{Network: local.NewNetwork(), conns: map[*wire]bool{}}}
	if o.Logger == nil {
		o.Logger = testLogger(t)
	}
	o.Schemes = carrier.NewSchemes(s.network)
	s.Server = o.New()
	t.Cleanup(func() { _ = s.Server.Close() })
	if _, err := s.Server.Listen(context.Background(), address); err != nil {
		t.Fatalf("routertest: %v", err)
	}
	return s
}

// Client connects a client that calls itself name. It fails the test if that does not
// work out.
func (s *Site) Client(name string) *router.ClientRouter {
	s.t.Helper()
	return s.ClientWith(router.ClientOptions{Name: name})
}

// ClientWith is Client with options, whose Schemes are set for it. With Lazy it may be
// called while the site is unplugged.
func (s *Site) ClientWith(o router.ClientOptions) *router.ClientRouter {
	s.t.Helper()
	if o.Logger == nil {
		o.Logger = testLogger(s.t).With("client", o.Name)
	}
	o.Schemes = carrier.NewSchemes(s.network)
	c, err := o.Dial(context.Background(), address)
	if err != nil {
		s.t.Fatalf("routertest: client %q: %v", o.Name, err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// Cut breaks every connection there is, as a network that fails for a moment does. What
// was on its way is lost; clients connect again by themselves, and send again what
// was not acknowledged.
func (s *Site) Cut() { s.network.cut() }

// Unplug breaks every connection and keeps clients from connecting again, until Plug is
// called.
func (s *Site) Unplug() {
	s.network.setDown(true)
	s.network.cut()
}

// Plug lets clients connect again after Unplug. When they do is up to them: at most 4 s
// later, with default options.
func (s *Site) Plug() { s.network.setDown(false) }

// wires is a local network that knows its connections.
type wires struct {
	*local.Network

	mu    sync.Mutex
	down  bool
	conns map[*wire]bool
}

var errUnplugged = errors.New("the site is unplugged")

// Dial connects to the server, unless the site is unplugged.
func (n *wires) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	if n.isDown() {
		return nil, errUnplugged
	}
	c, err := n.Network.Dial(ctx, u)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down { // meanwhile
		_ = c.Close()
		return nil, errUnplugged
	}
	w := &wire{Conn: c, net: n}
	n.conns[w] = true
	return w, nil
}

func (n *wires) isDown() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.down
}

func (n *wires) setDown(yes bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = yes
}

func (n *wires) cut() {
	n.mu.Lock()
	conns := n.conns
	n.conns = map[*wire]bool{}
	n.mu.Unlock()
	for w := range conns {
		_ = w.Conn.Close()
	}
}

// A wire is the client's end of a connection. What else the Conn can do is found through
// Unwrap.
type wire struct {
	carrier.Conn
	net *wires
}

// Unwrap returns the Conn of the network.
func (w *wire) Unwrap() carrier.Conn { return w.Conn }

// Close closes the connection and forgets it.
func (w *wire) Close() error {
	w.net.mu.Lock()
	delete(w.net.conns, w)
	w.net.mu.Unlock()
	return w.Conn.Close()
}

// testLogger logs into the output of the test, as long as that runs.
func testLogger(t testing.TB) *slog.Logger {
	w := &testOutput{t: t}
	t.Cleanup(w.end)
	return slog.New(slog.NewTextHandler(w, nil))
}

// testOutput is t.Output for goroutines that may outlive the test: a listener that never
// returned, for instance.
type testOutput struct {
	mu    sync.Mutex
	t     testing.TB
	ended bool
}

func (w *testOutput) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return len(b), nil
	}
	return w.t.Output().Write(b)
}

func (w *testOutput) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}
