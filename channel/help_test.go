package channel_test

import (
	"context"
	"io"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/channel"
	"github.com/sigrouter/sigrouter/internal/bustest"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// A network is a server over memory, which can be stopped and started again, and whose
// connections can be cut.
type network struct {
	*local.Network
	t       testing.TB
	schemes carrier.Schemes
	options router.ServerOptions
	srv     *router.ServerRouter

	mu    sync.Mutex
	conns []carrier.Conn
}

// Dial notes the connection, so that cut can end it.
func (n *network) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	conn, err := n.Network.Dial(ctx, u)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err == nil {
		n.conns = append(n.conns, conn)
	}
	return conn, err
}

// cut ends the connection that was made as the number i.
func (n *network) cut(i int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_ = n.conns[i].Close()
}

func newNetwork(t testing.TB) *network {
	n := &network{Network: local.NewNetwork(), t: t}
	n.schemes = carrier.NewSchemes(n)
	n.options = router.ServerOptions{Schemes: n.schemes, Options: router.Options{Logger: quiet}}
	n.start()
	t.Cleanup(n.stop)
	return n
}

func (n *network) start() {
	n.srv = n.options.New()
	_, err := n.srv.Listen(n.t.Context(), "local://router")
	require.NoError(n.t, err)
}

func (n *network) stop() { _ = n.srv.Close() }

func (n *network) dial() *router.ClientRouter { return n.dialWith(router.ClientOptions{}) }

func (n *network) dialWith(o router.ClientOptions) *router.ClientRouter {
	o.Schemes, o.Logger = n.schemes, quiet
	c, err := o.Dial(n.t.Context(), "local://router")
	require.NoError(n.t, err)
	n.t.Cleanup(func() { _ = c.Close() })
	return c
}

// join adds a party that must have nothing to report, unless its options say where to.
func join(t testing.TB, b sig.Bus, o channel.Options) *channel.Party {
	t.Helper()
	var errs bustest.Errors
	if o.OnError == nil {
		o.OnError = errs.Add
	}
	p, err := channel.Join(t.Context(), b, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, p.Close())
		require.NoError(t, errs.Take(), "what %s reported", p.Name())
	})
	return p
}

// A list collects what was received.
type list[T any] struct {
	mu  sync.Mutex
	all []T
}

func (l *list[T]) add(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, v)
}

func (l *list[T]) message(m channel.Message[T]) { l.add(m.Data) }

// take waits until nothing is under way, and returns what was received since.
func (l *list[T]) take() []T {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.all
	l.all = nil
	return all
}

func shut(t testing.TB, c io.Closer) {
	t.Helper()
	require.NoError(t, c.Close())
}
