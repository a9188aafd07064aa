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

// circle has two clients whose handlers ask each other without end, with the context that
// next makes of the handler's. It returns how the first question ended, and how many there were.
func circle(t *testing.T, next func(context.Context) context.Context) (asked int64, err error) {
	s := newSite(t, router.ServerOptions{})
	a, b := s.dial(t, router.ClientOptions{}), s.dial(t, router.ClientOptions{TextOnly: true})
	var n atomic.Int64
	back := func(c *router.ClientRouter, other string) sig.SenderOption {
		return sig.Answer("ask", func(ctx context.Context, _ sig.Request) (any, error) {
			n.Add(1)
			resp, err := c.RemoteRequest(next(ctx), other, "ask", nil)
			return resp.Data, err
		})
	}
	_, err = a.AddRemoteSender(t.Context(), "a", back(a, "b"))
	require.NoError(t, err)
	_, err = b.AddRemoteSender(t.Context(), "b", back(b, "a"))
	require.NoError(t, err)
	_, err = a.RemoteRequest(t.Context(), "b", "ask", nil)
	require.True(t, eventually(func() bool { st := s.srv.Stats(); return st.Calls == 0 && st.Answers == 0 }), "nothing is left")
	return n.Load(), err
}

// A circle of requests ends at MaxHops, with an error at each who asked.
func TestCircleOfRequestsEnds(t *testing.T) {
	asked, err := circle(t, func(ctx context.Context) context.Context { return ctx })
	require.ErrorIs(t, err, sig.ErrLimit)
	require.ErrorContains(t, err, "MaxHops")
	require.EqualValues(t, 16+1, asked, "the first has none behind it")
}

// Where handlers do not pass their context on, each question holds one of the calls that a
// client may have under way, so the circle ends at MaxCalls.
func TestCircleOfRequestsEndsWithoutHops(t *testing.T) {
	asked, err := circle(t, func(context.Context) context.Context { return context.Background() })
	require.ErrorIs(t, err, sig.ErrLimit)
	require.ErrorContains(t, err, "MaxCalls")
	require.LessOrEqual(t, asked, int64(2*256+1))
}

// bounce has two clients whose listeners answer each event of the other with one of their own,
// triggered by the function. It returns how many there were, when the first was refused.
func bounce(t *testing.T, limits carrier.Limits, trigger func(sig.Signal, sig.Event) error) (heard int64, err error) {
	s := newSite(t, router.ServerOptions{Limits: limits})
	refused := make(chan error, 1000)
	o := router.ClientOptions{OnError: func(err error) { refused <- err }, Limits: carrier.Limits{MaxHops: 100}}
	a, b := s.dial(t, o), s.dial(t, o)
	ea, eb := addRemote(t, a, "a", "e"), addRemote(t, b, "b", "e")
	var n atomic.Int64
	answer := func(out sig.Signal) sig.Listener {
		return func(e sig.Event) {
			n.Add(1)
			_ = trigger(out, e)
		}
	}
	listenRemote(t, a, "b", "e", answer(ea))
	listenRemote(t, b, "a", "e", answer(eb))
	require.NoError(t, ea.Trigger(nil))
	select {
	case err = <-refused:
	case <-time.After(20 * time.Second):
		require.FailNow(t, "it has no end", "%d events", n.Load())
	}
	_, pinged := a.Ping(t.Context())
	require.NoError(t, pinged, "the connection stays")
	return n.Load(), err
}

// A circle of events that are triggered because of one another ends at MaxHops, which is told
// to who triggered.
func TestCircleOfEventsEnds(t *testing.T) {
	heard, err := bounce(t, carrier.Limits{}, func(out sig.Signal, e sig.Event) error { return sig.TriggerFrom(out, e, nil) })
	require.ErrorIs(t, err, sig.ErrLimit)
	require.ErrorContains(t, err, "MaxHops")
	require.EqualValues(t, 16+1, heard, "the first has none behind it")
}

// Where they do not say so it has no end by itself, and one with MaxMessagesSecond.
func TestCircleOfEventsEndsAtTheRate(t *testing.T) {
	heard, err := bounce(t, carrier.Limits{MaxMessagesSecond: 10}, func(out sig.Signal, _ sig.Event) error { return out.Trigger(nil) })
	require.ErrorIs(t, err, sig.ErrLimit)
	require.ErrorContains(t, err, "MaxMessagesSecond")
	require.Positive(t, heard)
}
