package router_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

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

// causedBy makes an event that others may be triggered from.
func causedBy(hops int) sig.Event {
	return sig.Event{Origin: &sig.Origin{Sender: "x", Name: "y", Traceparent: traceparent, Hops: hops}}
}

// TestHopsOfEvents follows the hops over every way that an event takes.
func TestHopsOfEvents(t *testing.T) {
	for _, text := range []bool{false, true} {
		s := newSite(t, router.ServerOptions{})
		a := s.dial(t, router.ClientOptions{TextOnly: text})
		b := s.dial(t, router.ClientOptions{TextOnly: text})
		timer, err := a.AddRemoteSender(t.Context(), "timer", sig.Retain("tic"))
		require.NoError(t, err)
		tic, err := timer.Signal("tic")
		require.NoError(t, err)
		far, near, own, late := newCollect(), newCollect(), newCollect(), newCollect()
		_, err = b.AddRemoteListener(t.Context(), "timer", "tic", far.listen)
		require.NoError(t, err)
		_, err = a.AddListener("timer", "tic", own.listen)
		require.NoError(t, err)
		send := func(to ...collect) {
			t.Helper()
			require.NoError(t, sig.TriggerFrom(tic, causedBy(2), 1))
			require.NoError(t, sig.TriggerFrom(tic, sig.Event{}, 2))
			require.NoError(t, sig.TriggerFrom(tic, sig.NewEvent("x", "y", nil), 3))
			for _, c := range to {
				e := c.next(t)
				require.Equal(t, 3, e.Hops)
				require.Equal(t, traceparent, e.Traceparent)
				require.Zero(t, c.next(t).Hops, "there is no cause")
				e = c.next(t)
				require.Equal(t, 1, e.Hops)
				require.Empty(t, e.Traceparent)
			}
		}
		send(far, own)
		_, err = s.srv.AddListener("timer", "tic", near.listen, sig.SkipRetained()) // now it goes another way
		require.NoError(t, err)
		send(far, own, near)
		_, err = b.AddRemoteListener(t.Context(), "timer", "tic", late.listen)
		require.NoError(t, err)
		e := late.next(t)
		require.True(t, e.Retained)
		require.Zero(t, e.Hops, "it is not handed over because of what was")

		door, err := s.srv.AddSender("door", sig.Events("opened")) // from the server itself
		require.NoError(t, err)
		opened, err := sig.SignalOf[int](door, "opened")
		require.NoError(t, err)
		_, err = b.AddRemoteListener(t.Context(), "door", "opened", far.listen)
		require.NoError(t, err)
		require.NoError(t, opened.TriggerFrom(causedBy(15), 4))
		require.Equal(t, 16, far.next(t).Hops)
		require.ErrorIs(t, opened.TriggerFrom(causedBy(16), 4), sig.ErrLimit)
		require.EqualValues(t, 1, s.srv.Stats().Passed["MaxHops"])
		require.ErrorContains(t, sig.TriggerFrom(tic, causedBy(16), 4), "timer/tic: it has 17 hops behind it, more than 16")
	}
	require.NoError(t, sig.TriggerFrom(plainSignal{}, causedBy(16), 1), "a signal that knows nothing of hops")
}

// In one process a circle would be a recursion without end.
func TestCircleInProcessEnds(t *testing.T) {
	r := router.New()
	defer r.Close()
	out := map[string]sig.Signal{}
	for _, name := range []string{"a", "b"} {
		s, err := r.AddSender(name, sig.Events("e"))
		require.NoError(t, err)
		out[name], err = s.Signal("e")
		require.NoError(t, err)
	}
	heard, failed := 0, []error(nil)
	for from, to := range map[string]string{"a": "b", "b": "a"} {
		_, err := r.AddListener(from, "e", func(e sig.Event) {
			require.Equal(t, heard, e.Hops)
			heard++
			if err := sig.TriggerFrom(out[to], e, nil); err != nil {
				failed = append(failed, err)
			}
		})
		require.NoError(t, err)
	}
	require.NoError(t, out["a"].Trigger(nil))
	require.Equal(t, 16+1, heard)
	require.Len(t, failed, 1, "the last listener is told")
	require.ErrorIs(t, failed[0], sig.ErrLimit)
	require.ErrorContains(t, failed[0], "MaxHops")
}

// The server refuses events with more hops than it takes, whoever's client they come from.
func TestMaxHopsOfEvents(t *testing.T) {
	for _, listened := range []bool{false, true} {
		s := limitSite(t, carrier.Limits{MaxHops: 3})
		near := newCollect()
		if listened { // then it goes another way
			_, err := s.srv.AddListener("s", "e", near.listen)
			require.NoError(t, err)
		}
		c := hello(t, s)
		require.Zero(t, c.ask(`{"id":1,"method":"add_sender","params":{"sender":"s","events":["e"]}}`).Status)
		signal := func(number string, hops int) string {
			return fmt.Sprintf(`{%s,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":1,"hops":%d}}`, number, hops)
		}
		require.Zero(t, c.ask(signal(`"id":2`, 3)).Status)
		over(t, s, c.ask(signal(`"id":3`, 4)), "MaxHops")
		require.NoError(t, c.Send([]byte(signal(`"n":1`, 3))))
		require.NoError(t, c.Send([]byte(signal(`"n":2`, 4))))
		var m struct {
			Refused int
			rawReply
		}
		for m.Refused == 0 { // acknowledgements may come before
			frame, err := c.Recv()
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(frame, &m))
		}
		require.Equal(t, 2, m.Refused)
		require.Equal(t, int(sig.StatusLimit), m.Status)
		require.Contains(t, m.Exception, "4 hops behind it, more than 3")
		require.EqualValues(t, 2, s.srv.Stats().Passed["MaxHops"])
		if listened {
			require.Equal(t, 3, near.next(t).Hops)
			require.Equal(t, 3, near.next(t).Hops)
		}
		s.emptied(t, c)
	}
}

// A request that has to wait at the router, behind a listener there, has no hop more when it is
// passed on than one that has not.
func TestHopsOfRequestsThatWait(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	a, b := s.dial(t, router.ClientOptions{}), s.dial(t, router.ClientOptions{})
	_, err := a.AddRemoteSender(t.Context(), "far", answerHops())
	require.NoError(t, err)
	snd, err := b.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	entered, leave := make(chan struct{}), make(chan struct{})
	_, err = s.srv.AddListener("s", "e", func(sig.Event) {
		close(entered)
		<-leave
	})
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	require.NoError(t, e.Trigger(1))
	<-entered
	got := make(chan []int, 1)
	go func() {
		answer, _ := sig.Ask[[]int](sig.WithHops(context.Background(), 16), b.Remote(), "far", "hops", 7)
		got <- answer
	}()
	_, err = b.Ping(t.Context())
	require.NoError(t, err)
	require.Eventually(t, func() bool { st := s.srv.Stats(); return st.Calls+st.Answers == 1 }, 5*time.Second, time.Millisecond)
	close(leave)
	require.Equal(t, []int{17, 7}, <-got)
}
