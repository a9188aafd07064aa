package router_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// cable is a TCP proxy that can be cut.
type cable struct {
	l  net.Listener
	to string
	wg sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	down  bool
}

func newCable(t *testing.T, to string) *cable {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cable{l: l, to: to}
	c.wg.Go(c.accept)
	t.Cleanup(func() {
		l.Close()
		c.cut()
		c.wg.Wait()
	})
	return c
}

func (c *cable) url() string { return "tcp://" + c.l.Addr().String() }

func (c *cable) accept() {
	for {
		a, err := c.l.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("tcp", c.to)
		c.mu.Lock()
		if err != nil || c.down {
			a.Close()
			if b != nil {
				b.Close()
			}
			c.mu.Unlock()
			continue
		}
		c.conns = append(c.conns, a, b)
		c.mu.Unlock()
		c.wg.Go(func() { pump(a, b) })
		c.wg.Go(func() { pump(b, a) })
	}
}

func pump(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	to.Close()
	from.Close()
}

// refuse makes the cable close new connections at once, or pass them on again.
func (c *cable) refuse(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = yes
}

// cut ends every connection, as pulling the plug does.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.conns {
		if tc, ok := x.(*net.TCPConn); ok {
			_ = tc.SetLinger(0) // what is on the way is lost
		}
		x.Close()
	}
	c.conns = nil
}

// Promise 14: connections that break again and again lose nothing, double nothing and
// keep the order, on the way up and on the way down.
func TestPromise14_CutsLoseNothing(t *testing.T) {
	const n = 20_000
	s := newSite(t, router.ServerOptions{})
	up, down := newCable(t, s.hostport(t)), newCable(t, s.hostport(t))

	var resumed atomic.Int64
	states := func(st router.State) {
		if st.Resumed {
			resumed.Add(1)
		}
		if st.Unsure > 0 {
			t.Errorf("%d signals are unsure though the server never went", st.Unsure)
		}
	}
	a := (&site{schemes: s.schemes, url: up.url()}).dial(t, router.ClientOptions{OnState: states, MaxBackoff: 20 * time.Millisecond})
	b := (&site{schemes: s.schemes, url: down.url()}).dial(t, router.ClientOptions{OnState: states, MaxBackoff: 20 * time.Millisecond})

	done := make(chan struct{})
	next := 0
	_, err := b.AddRemoteListener(t.Context(), "s", "e", func(e sig.Event) {
		var i int
		if err := e.Decode(&i); err != nil || i != next {
			t.Errorf("got %v (%v), want %d", e.Data, err, next)
		}
		if next++; next == n {
			close(done)
		}
	})
	require.NoError(t, err)
	snd, err := a.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)

	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(30 * time.Millisecond):
				[]*cable{up, down}[i%2].cut()
			}
		}
	})
	for i := range n {
		require.NoError(t, e.Trigger(i))
		if i%20 == 0 {
			time.Sleep(time.Millisecond) // spread over the cuts
		}
	}
	close(stop)
	wg.Wait()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		require.FailNow(t, "events are missing", "%d of %d came", next, n)
	}
	require.Positive(t, resumed.Load(), "no connection was resumed: the test cut nothing")
	require.Zero(t, a.Unsure())
}

// Promise 14: when the server was restarted, the client adds everything again, and says
// how many signals may come twice.
func TestPromise14_ServerRestart(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	states := make(chan router.State, 100)
	c := s.dial(t, router.ClientOptions{MaxBackoff: 20 * time.Millisecond, OnState: func(st router.State) { states <- st }})
	require.True(t, (<-states).Connected)
	got := newCollect()
	_, err := c.AddRemoteListener(t.Context(), "s", "e", got.listen)
	require.NoError(t, err)
	snd, err := c.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	require.NoError(t, e.Trigger(1))
	require.Equal(t, int64(1), got.data(t), "a client hears its own sender")

	require.NoError(t, s.srv.Shutdown(t.Context()))
	st := <-states
	require.False(t, st.Connected)
	require.ErrorIs(t, st.Err, sig.ErrShuttingDown)
	require.NoError(t, e.Trigger(2), "it waits in the outbox")
	require.NoError(t, e.Trigger(3))
	_, err = c.RemoteRequest(shortly(t), "s", "m", nil)
	require.ErrorIs(t, err, sig.ErrNotConnected)

	again := router.ServerOptions{Schemes: s.schemes}.New()
	defer again.Close()
	_, err = again.Listen(t.Context(), s.url)
	require.NoError(t, err, "the port can be taken again at once")
	st = <-states
	require.True(t, st.Connected)
	require.False(t, st.Resumed)
	require.Equal(t, int64(2), got.data(t))
	require.Equal(t, int64(3), got.data(t))
}

// Two that call themselves by one name: the second is told; when the first goes, and
// only then, the name is free.
func TestPromise8_NameAcrossClients(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	a, b := s.dial(t, router.ClientOptions{}), s.dial(t, router.ClientOptions{})
	_, err := a.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	_, err = b.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.ErrorIs(t, err, sig.ErrTaken)
	gone := newCollect()
	_, err = b.AddRemoteListener(t.Context(), "s", sig.Disconnect, gone.listen)
	require.NoError(t, err)
	require.NoError(t, a.Close())
	var decl sig.Declaration
	require.NoError(t, gone.next(t).Decode(&decl))
	require.Contains(t, decl.Events, "e")
	_, err = b.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
}

// A client whose connection hangs comes back before the server has noticed: it takes its
// session over, and its name with it.
func TestTakeOver(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	hang := &hangingDialer{t: t, schemes: s.schemes}
	opts := router.ClientOptions{MaxBackoff: 20 * time.Millisecond, Schemes: carrier.NewSchemes(hang)}
	opts.Limits.PingAfter, opts.Limits.DeadAfter = 500*time.Millisecond, time.Second
	c, err := opts.Dial(t.Context(), s.url)
	require.NoError(t, err)
	defer c.Close()
	snd, err := c.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	got := newCollect()
	_, err = c.AddRemoteListener(t.Context(), "s", "e", got.listen)
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	hang.hang()
	require.NoError(t, e.Trigger(1))
	require.Equal(t, int64(1), got.data(t))
	require.Len(t, s.srv.Peers(), 1)
}

func shortly(t *testing.T) (ctx contextType) {
	ctx, cancel := withTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}
