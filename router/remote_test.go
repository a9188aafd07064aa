package router_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/carrier/tcp"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// site is a server and the means to reach it.
type site struct {
	srv     *router.ServerRouter
	schemes carrier.Schemes
	url     string
}

func newSite(t *testing.T, opts router.ServerOptions) *site {
	t.Helper()
	return newSiteAt(t, "tcp://127.0.0.1:0", opts)
}

func newSiteAt(t *testing.T, url string, opts router.ServerOptions) *site {
	t.Helper()
	s := &site{schemes: carrier.NewSchemes(local.NewNetwork(), tcp.Scheme{}), url: url}
	opts.Schemes = s.schemes
	s.srv = opts.New()
	l, err := s.srv.Listen(t.Context(), s.url)
	require.NoError(t, err)
	s.url = l.URL()
	t.Cleanup(func() { require.NoError(t, s.srv.Close()) })
	return s
}

func (s *site) dial(t *testing.T, opts router.ClientOptions) *router.ClientRouter {
	t.Helper()
	opts.Schemes = s.schemes
	c, err := opts.Dial(t.Context(), s.url)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// collect is a listener that keeps what it gets.
type collect chan sig.Event

func newCollect() collect { return make(collect, 100_000) }

func (c collect) listen(e sig.Event) { c <- e }

func (c collect) next(t *testing.T) sig.Event {
	t.Helper()
	select {
	case e := <-c:
		return e
	case <-time.After(5 * time.Second):
		require.FailNow(t, "no event came")
		panic("unreachable")
	}
}

func (c collect) data(t *testing.T) any {
	t.Helper()
	v, err := sig.As[any](c.next(t).Data)
	require.NoError(t, err)
	return v
}

func TestEventOverTCP(t *testing.T) {
	for _, text := range []bool{false, true} {
		s := newSite(t, router.ServerOptions{})
		a := s.dial(t, router.ClientOptions{Name: "a", TextOnly: text})
		b := s.dial(t, router.ClientOptions{Name: "b", TextOnly: text})
		got := newCollect()
		sub, err := b.AddRemoteListener(t.Context(), "timer", "tic", got.listen)
		require.NoError(t, err)
		timer, err := a.AddRemoteSender(t.Context(), "timer", sig.Events("tic"), sig.Answer("add", sig.Handle(func(_ context.Context, p []int) (int, error) {
			return p[0] + p[1], nil
		})))
		require.NoError(t, err)
		tic, err := timer.Signal("tic")
		require.NoError(t, err)
		for i := range 1000 {
			require.NoError(t, tic.Trigger(i))
		}
		for i := range 1000 {
			e := got.next(t)
			require.Equal(t, "timer", e.Sender)
			require.Equal(t, "tic", e.Name)
			var n int
			require.NoError(t, e.Decode(&n))
			require.Equal(t, i, n)
		}
		sum, err := sig.Ask[int](t.Context(), b.Remote(), "timer", "add", []int{2, 3})
		require.NoError(t, err)
		require.Equal(t, 5, sum)
		resp, err := s.srv.Request(t.Context(), "timer", "add", []int{20, 3})
		require.NoError(t, err)
		sum, err = sig.As[int](resp.Data)
		require.NoError(t, err)
		require.Equal(t, 23, sum)
		sub.Remove()
		_, err = b.RemoteRequest(t.Context(), "nobody", "add", nil)
		require.ErrorIs(t, err, sig.ErrNoSender)
		_, err = b.RemoteRequest(t.Context(), "timer", "sub", nil)
		require.ErrorIs(t, err, sig.ErrNoMethod)
		_, err = b.AddRemoteSender(t.Context(), "timer", sig.Events("tic"))
		require.ErrorIs(t, err, sig.ErrTaken)
		require.NoError(t, timer.Remove())
		require.ErrorIs(t, tic.Trigger(1), sig.ErrRemoved)
	}
}

func TestServerListensToo(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	got := newCollect()
	_, err := s.srv.AddListener(sig.Any, sig.Any, got.listen)
	require.NoError(t, err)
	a := s.dial(t, router.ClientOptions{})
	timer, err := a.AddRemoteSender(t.Context(), "timer", sig.Events("tic"))
	require.NoError(t, err)
	tic, err := timer.Signal("tic")
	require.NoError(t, err)
	require.NoError(t, tic.Trigger("x"))
	require.Equal(t, sig.Connect, got.next(t).Name)
	require.Equal(t, "x", got.data(t))
	require.NoError(t, a.Close())
	require.Equal(t, sig.Disconnect, got.next(t).Name)

	own, err := s.srv.AddSender("own", sig.Events("e"))
	require.NoError(t, err)
	b := s.dial(t, router.ClientOptions{})
	far := newCollect()
	_, err = b.AddRemoteListener(t.Context(), "own", "e", far.listen)
	require.NoError(t, err)
	e, err := own.Signal("e")
	require.NoError(t, err)
	require.NoError(t, e.Trigger(map[string]int{"n": 1}))
	require.Equal(t, map[string]any{"n": int64(1)}, far.data(t))
}
