package router_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// lendSite is a server with a handler, method m of sender s, that has been quick for so long
// that the goroutine that reads calls it. From then on it does what its parameter asks for.
type lendSite struct {
	*site
	event   sig.Signal
	c       *router.ClientRouter
	lent    atomic.Bool // the last call was in the goroutine that reads
	release chan struct{}
}

func newLendSite(t *testing.T) *lendSite {
	s := &lendSite{site: newSite(t, router.ServerOptions{}), release: make(chan struct{})}
	sender, err := s.srv.AddSender("s", sig.Answer("m", s.answer), sig.Events("e"))
	require.NoError(t, err)
	s.event, err = sender.Signal("e")
	require.NoError(t, err)
	s.c = s.dial(t, router.ClientOptions{})
	router.TakeForQuick(s.srv)
	s.warm(t)
	return s
}

func (s *lendSite) answer(_ context.Context, r sig.Request) (any, error) {
	what := strings.Trim(string(r.Params.(*sig.Raw).Bytes), `"`)
	switch what {
	case "look":
		s.lent.Store(bytes.Contains(debug.Stack(), []byte("carrier.(*Peer).lent")))
	case "block":
		<-s.release
	case "end":
		runtime.Goexit()
	case "panic":
		panic("as asked for")
	}
	return r.Params, nil
}

// warm asks until the goroutine that reads calls the handler.
func (s *lendSite) warm(t *testing.T) {
	require.Eventually(t, func() bool {
		for range 100 {
			s.ask(t, "quick")
		}
		s.ask(t, "look")
		return s.lent.Load()
	}, 20*time.Second, time.Millisecond, "the goroutine that reads never called the handler")
}

func (s *lendSite) ask(t *testing.T, what string) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := s.c.RemoteRequest(ctx, "s", "m", what)
	require.NoError(t, err)
	var got string
	require.NoError(t, r.Decode(&got))
	require.Equal(t, what, got)
}

// A handler that was quick for long, and then does not return, holds up nobody: neither
// requests nor events of the same client, nor its leaving, nor Shutdown.
func TestLentBlocks(t *testing.T) {
	s := newLendSite(t)
	events := newCollect()
	_, err := s.c.AddRemoteListener(t.Context(), "s", "e", events.listen)
	require.NoError(t, err)
	answered := make(chan error, 3)
	asking, giveUp := context.WithCancel(t.Context())
	for range cap(answered) {
		s.warm(t)
		go func() {
			_, err := s.c.RemoteRequest(asking, "s", "m", "block")
			answered <- err
		}()
		s.ask(t, "quick")
		require.NoError(t, s.event.Trigger(1))
		events.next(t)
	}
	require.Empty(t, answered)
	s.release <- struct{}{}
	require.NoError(t, <-answered)
	s.ask(t, "quick")

	giveUp()
	require.Error(t, <-answered)
	require.Error(t, <-answered)
	require.NoError(t, s.c.Close())
	require.Eventually(t, func() bool { return len(s.srv.Peers()) == 0 }, 10*time.Second, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, s.srv.Shutdown(ctx), "has not returned")
	close(s.release)
}

// The reply of one that returned does not wait for the next, which does not.
func TestLentReplyIsNotHeldBack(t *testing.T) {
	s := newLendSite(t)
	c := dialRaw(t, s.schemes, s.url)
	require.Zero(t, c.ask(helloWith("")).Status)
	router.TakeForQuick(s.srv)
	for range 100 { // the crew of this connection is to be warm, too
		require.NoError(t, c.Send(asks("quick", "quick")))
		c.names(2)
	}
	require.NoError(t, c.Send(asks("quick", "block", "quick", "block", "quick")))
	require.Equal(t, []string{"quick", "quick", "quick"}, c.names(3))
	close(s.release)
	require.Equal(t, []string{"block", "block"}, c.names(2))
}

// A handler that ends its goroutine, which is the one that reads, is answered for, and the
// client goes on; one that panics too.
func TestLentEndsItself(t *testing.T) {
	s := newLendSite(t)
	for range 3 {
		s.warm(t)
		_, err := s.c.RemoteRequest(t.Context(), "s", "m", "panic")
		require.ErrorContains(t, err, "panic")
		s.ask(t, "quick")
		_, err = s.c.RemoteRequest(t.Context(), "s", "m", "end")
		require.ErrorContains(t, err, "ended its goroutine")
		s.ask(t, "quick")
	}
}

// A handler of a client may ask the server, however quick it was before: the reply is read.
func TestLentAsks(t *testing.T) {
	s := newLendSite(t)
	far := s.dial(t, router.ClientOptions{})
	router.TakeForQuick(s.srv, far)
	var asking atomic.Bool
	_, err := far.AddRemoteSender(t.Context(), "far", sig.Answer("m", func(ctx context.Context, r sig.Request) (any, error) {
		if !asking.Load() {
			return nil, nil
		}
		resp, err := far.RemoteRequest(ctx, "s", "m", "look")
		return resp.Data, err
	}))
	require.NoError(t, err)
	for i := range 5 {
		asking.Store(false)
		for range 1000 {
			_, err := s.c.RemoteRequest(t.Context(), "far", "m", nil)
			require.NoError(t, err)
		}
		asking.Store(true)
		resp, err := s.c.RemoteRequest(t.Context(), "far", "m", nil)
		require.NoError(t, err, fmt.Sprint("round ", i))
		var got string
		require.NoError(t, resp.Decode(&got))
		require.Equal(t, "look", got)
	}
}

// A listener that ends its goroutine takes no event along.
func TestRemoteListenerEndsItself(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	sender, err := s.srv.AddSender("s", sig.Events("e"))
	require.NoError(t, err)
	event, err := sender.Signal("e")
	require.NoError(t, err)
	c := s.dial(t, router.ClientOptions{})
	events := newCollect()
	_, err = c.AddRemoteListener(t.Context(), "s", "e", func(e sig.Event) {
		events.listen(e)
		runtime.Goexit()
	})
	require.NoError(t, err)
	for i := range 20 {
		require.NoError(t, event.Trigger(i))
	}
	for i := range 20 {
		var n int
		require.NoError(t, events.next(t).Decode(&n))
		require.Equal(t, i, n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, s.srv.Shutdown(ctx), "all are acknowledged")
}
