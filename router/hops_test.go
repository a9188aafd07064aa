package router_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// answerHops answers with the hops that what it asks has behind it.
func answerHops() sig.SenderOption {
	return sig.Answer("hops", func(ctx context.Context, r sig.Request) (any, error) {
		n, err := sig.As[int](r.Params)
		return []int{sig.Hops(ctx), n}, err
	})
}

// TestHopsOfRequests follows the hops over every way that a request takes.
func TestHopsOfRequests(t *testing.T) {
	for _, text := range []bool{false, true} {
		s := newSite(t, router.ServerOptions{})
		a := s.dial(t, router.ClientOptions{TextOnly: text})
		b := s.dial(t, router.ClientOptions{TextOnly: !text})
		_, err := a.AddRemoteSender(t.Context(), "far", answerHops())
		require.NoError(t, err)
		_, err = s.srv.AddSender("near", answerHops())
		require.NoError(t, err)
		_, err = s.srv.AddSender("through", sig.Answer("hops", func(ctx context.Context, r sig.Request) (any, error) {
			resp, err := s.srv.Request(ctx, "far", "hops", r.Params) // on with the handler's context
			return resp.Data, err
		}))
		require.NoError(t, err)
		for given, more := range map[int]int{-1: 1, 0: 0, 1: 0, 5: 0} {
			for name, want := range map[string]int{"far": 1, "near": 1, "through": 2} {
				check := func(bus sig.Bus, want int) {
					t.Helper()
					for _, ctx := range []context.Context{sig.WithHops(t.Context(), given), sig.WithTraceparent(sig.WithHops(t.Context(), given), traceparent)} {
						got, err := sig.Ask[[]int](ctx, bus, name, "hops", 7)
						require.NoError(t, err)
						require.Equal(t, []int{given + more + want, 7}, got, "%s of %d, text %v", name, given, text)
					}
				}
				check(b.Remote(), want)
				check(s.srv, want-map[bool]int{name != "far": 1}[true]) // one hop of it is in the process
			}
		}
	}
}

// A handler that passes on another context than its own begins anew.
func TestHopsOfAnotherContext(t *testing.T) {
	require.Zero(t, sig.Hops(context.Background()))
	ctx := sig.WithHops(t.Context(), 3)
	require.Equal(t, 3, sig.Hops(ctx))
	require.Zero(t, sig.Hops(sig.WithHops(ctx, 0)))
	require.Zero(t, sig.Hops(sig.WithHops(ctx, -3)))
}

// Who is asked with more hops than it takes refuses, counts it, and goes on.
func TestMaxHopsOfRequests(t *testing.T) {
	s := limitSite(t, carrier.Limits{MaxHops: 3})
	_, err := s.srv.AddSender("near", answerHops())
	require.NoError(t, err)
	far := s.dial(t, router.ClientOptions{Limits: carrier.Limits{MaxHops: 1}})
	_, err = far.AddRemoteSender(t.Context(), "far", answerHops())
	require.NoError(t, err)
	c := hello(t, s)
	ask := func(sender string, hops int) rawReply {
		return c.ask(fmt.Sprintf(`{"id":1,"method":"request","params":{"sender":%q,"method":"hops","params":7,"hops":%d}}`, sender, hops))
	}
	require.JSONEq(t, `[4,7]`, string(ask("near", 3).Response))
	over(t, s, ask("near", 4), "MaxHops")
	require.JSONEq(t, `[2,7]`, string(ask("far", 1).Response), "passed on as it is")

	r := ask("far", 2)
	require.Equal(t, int(sig.StatusLimit), r.Status, "refused by the client")
	require.Contains(t, r.Exception, "2 hops behind it, more than 1")
	require.Contains(t, r.Exception, "MaxHops")
	_, err = s.srv.Request(sig.WithHops(t.Context(), 2), "far", "hops", 7)
	require.ErrorIs(t, err, sig.ErrLimit)
	require.EqualValues(t, 1, s.srv.Stats().Passed["MaxHops"], "the server refused one")
	require.JSONEq(t, `[1,7]`, string(ask("far", 0).Response), "all goes on")
	require.NoError(t, far.Close())
	s.emptied(t, c)
}

// A classic peer is told nothing of hops: it would not carry them on.
func TestClassicPeerGetsNoHops(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	c := dialRaw(t, s.schemes, s.url)
	require.Zero(t, c.ask(`{"id":1,"method":"add_sender","params":{"sender":"old","events":[],"requests":["m"]}}`).Status)
	answered := make(chan error, 1)
	go func() {
		_, err := s.srv.Request(sig.WithHops(context.Background(), 4), "old", "m", nil)
		answered <- err
	}()
	frame, err := c.Recv()
	require.NoError(t, err)
	var m struct {
		ID     json.RawMessage
		Params map[string]any
	}
	require.NoError(t, json.Unmarshal(frame, &m))
	require.Equal(t, map[string]any{"sender": "old", "method": "m", "params": nil}, m.Params)
	require.NoError(t, c.Send(fmt.Appendf(nil, `{"id":%s,"status":0,"response":null}`, m.ID)))
	require.NoError(t, <-answered)
}
