package router_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// Two clients whose handlers ask each other without end: each question holds one of the
// calls that a client may have under way, so the circle ends at MaxCalls, with an error at who
// began it, and nothing is left.
func TestCircleOfRequestsEnds(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	a, b := s.dial(t, router.ClientOptions{}), s.dial(t, router.ClientOptions{})
	var asked atomic.Int64
	back := func(c *router.ClientRouter, other string) sig.SenderOption {
		return sig.Answer("ask", func(ctx context.Context, _ sig.Request) (any, error) {
			asked.Add(1)
			resp, err := c.RemoteRequest(ctx, other, "ask", nil)
			return resp.Data, err
		})
	}
	_, err := a.AddRemoteSender(t.Context(), "a", back(a, "b"))
	require.NoError(t, err)
	_, err = b.AddRemoteSender(t.Context(), "b", back(b, "a"))
	require.NoError(t, err)
	_, err = a.RemoteRequest(t.Context(), "b", "ask", nil)
	require.ErrorIs(t, err, sig.ErrLimit)
	require.ErrorContains(t, err, "MaxCalls")
	require.LessOrEqual(t, asked.Load(), int64(2*256+1))
	require.True(t, eventually(func() bool { st := s.srv.Stats(); return st.Calls == 0 && st.Answers == 0 }))
}

// Two clients whose listeners answer each event of the other with one of their own: that has no
// end by itself, and one with MaxMessagesSecond, which is told to who triggered.
func TestCircleOfEventsEndsAtTheRate(t *testing.T) {
	s := newSite(t, router.ServerOptions{Limits: carrier.Limits{MaxMessagesSecond: 10}})
	refused := make(chan error, 1000)
	o := router.ClientOptions{OnError: func(err error) { refused <- err }}
	a, b := s.dial(t, o), s.dial(t, o)
	ea, eb := addRemote(t, a, "a", "e"), addRemote(t, b, "b", "e")
	var heard atomic.Int64
	bounce := func(out sig.Signal) sig.Listener {
		return func(sig.Event) {
			heard.Add(1)
			_ = out.Trigger(nil)
		}
	}
	listenRemote(t, a, "b", "e", bounce(ea))
	listenRemote(t, b, "a", "e", bounce(eb))
	require.NoError(t, ea.Trigger(nil))
	select {
	case err := <-refused:
		require.ErrorIs(t, err, sig.ErrLimit)
		require.ErrorContains(t, err, "MaxMessagesSecond")
	case <-time.After(20 * time.Second):
		require.FailNow(t, "it has no end", "%d events", heard.Load())
	}
	require.Positive(t, heard.Load())
	_, err := a.Ping(t.Context())
	require.NoError(t, err, "the connection stays")
}
