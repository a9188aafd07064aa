package router_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// resumed waits until a client has connected again, and returns how.
func resumed(t *testing.T, states <-chan router.State) router.State {
	t.Helper()
	for {
		select {
		case st := <-states:
			if st.Connected {
				return st
			}
		case <-time.After(20 * time.Second):
			require.FailNow(t, "the client did not come back")
		}
	}
}

// slowStart is a listener that stays in its first call until it may go on.
type slowStart struct {
	collect
	entered, goOn chan struct{}
	first         sync.Once
}

func newSlowStart() *slowStart {
	return &slowStart{collect: newCollect(), entered: make(chan struct{}), goOn: make(chan struct{})}
}

func (l *slowStart) listen(e sig.Event) {
	l.collect.listen(e)
	l.first.Do(func() {
		close(l.entered)
		<-l.goOn
	})
}

// Promise 14: what waits for a busy listener of the client when the connection is cut is
// sent again and handed over once.
func TestPromise14_BusyListenerAtTheCut(t *testing.T) {
	const n = 10
	overCarriers(t, router.ServerOptions{}, func(t *testing.T, s *site) {
		shaky, in := s.faulty(t)
		states := make(chan router.State, 100)
		c := shaky.dial(t, router.ClientOptions{MaxBackoff: 10 * time.Millisecond, OnState: func(st router.State) { states <- st }})
		require.True(t, resumed(t, states).Connected)
		l := newSlowStart()
		listenRemote(t, c, "s", "e", l.listen)
		snd, err := s.srv.AddSender("s", sig.Events("e"))
		require.NoError(t, err)
		e, err := snd.Signal("e")
		require.NoError(t, err)
		for i := range n {
			require.NoError(t, e.Trigger(i))
		}
		<-l.entered
		_, err = c.Ping(t.Context())
		require.NoError(t, err, "all have been read by now")
		in.Reset()
		require.True(t, resumed(t, states).Resumed)
		_, err = c.Ping(t.Context())
		require.NoError(t, err, "and once more")
		require.NoError(t, e.Trigger(n))
		close(l.goOn)
		for i := range n + 1 {
			require.Equal(t, int64(i), l.data(t))
		}
		require.True(t, eventually(func() bool { return s.srv.Peers()[0].InFlight == 0 }), "all are acknowledged")
		require.Empty(t, l.collect)
	})
}

// The same on the way up, where a listener of the server is busy for longer than the end
// of the connection waits for it.
func TestPromise14_BusyServerAtTheCut(t *testing.T) {
	const n = 10
	overCarriers(t, router.ServerOptions{}, func(t *testing.T, s *site) {
		shaky, in := s.faulty(t)
		states := make(chan router.State, 100)
		c := shaky.dial(t, router.ClientOptions{
			MaxBackoff: 10 * time.Millisecond, OnState: func(st router.State) { states <- st },
			OnError: func(err error) { t.Error(err) },
		})
		require.True(t, resumed(t, states).Connected)
		l := newSlowStart()
		_, err := s.srv.AddListener("s", "e", l.listen)
		require.NoError(t, err)
		e := addRemote(t, c, "s", "e")
		for i := range n {
			require.NoError(t, e.Trigger(i))
		}
		<-l.entered
		_, err = c.Ping(t.Context())
		require.NoError(t, err, "all have been read by now")
		in.Reset()
		// The client adds its sender again behind what the busy listener holds up.
		require.True(t, eventually(func() bool { return s.srv.Stats().Senders == 0 }))
		require.True(t, eventually(func() bool { return s.srv.Stats().Conns == 1 }))
		close(l.goOn)
		require.True(t, resumed(t, states).Resumed)
		require.NoError(t, e.Trigger(n))
		for i := range n + 1 {
			require.Equal(t, int64(i), l.data(t))
		}
		_, err = c.Ping(t.Context())
		require.NoError(t, err)
		require.Empty(t, l.collect)
		require.Zero(t, c.Unsure())
	})
}

// Promise 14: events of the session before, which a busy listener still has before it when
// the server has been restarted, are not mistaken for events of the new session.
func TestPromise14_BusyListenerAtARestart(t *testing.T) {
	const n = 10
	overCarriers(t, router.ServerOptions{}, func(t *testing.T, s *site) {
		states := make(chan router.State, 100)
		c := s.dial(t, router.ClientOptions{MaxBackoff: 10 * time.Millisecond, OnState: func(st router.State) { states <- st }})
		require.True(t, resumed(t, states).Connected)
		l := newSlowStart()
		listenRemote(t, c, "s", "e", l.listen)
		trigger := func(srv *router.ServerRouter, from, to int) {
			snd, err := srv.AddSender("s", sig.Events("e"))
			require.NoError(t, err)
			e, err := snd.Signal("e")
			require.NoError(t, err)
			for i := from; i < to; i++ {
				require.NoError(t, e.Trigger(i))
			}
		}
		trigger(s.srv, 0, n)
		<-l.entered
		_, err := c.Ping(t.Context())
		require.NoError(t, err, "all have been read by now")
		require.NoError(t, s.srv.Close())
		again := router.ServerOptions{Schemes: s.schemes}.New()
		t.Cleanup(func() { require.NoError(t, again.Close()) })
		_, err = again.Listen(t.Context(), s.url)
		require.NoError(t, err)
		require.False(t, resumed(t, states).Resumed)
		close(l.goOn)
		for i := range n {
			require.Equal(t, int64(i), l.data(t))
		}
		trigger(again, n, n+3)
		for i := range 3 {
			require.Equal(t, int64(n+i), l.data(t))
		}
		require.True(t, eventually(func() bool { return again.Peers()[0].InFlight == 0 }))
		require.Empty(t, states, "the connection is as good as before")
	})
}
