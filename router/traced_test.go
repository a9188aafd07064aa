package router_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// TestTraceparent follows a trace context over every way that an event takes.
func TestTraceparent(t *testing.T) {
	for _, text := range []bool{false, true} {
		for _, retained := range []bool{false, true} {
			s := newSite(t, router.ServerOptions{})
			a := s.dial(t, router.ClientOptions{TextOnly: text})
			b := s.dial(t, router.ClientOptions{TextOnly: text})
			declare := sig.Events("tic")
			if retained {
				declare = sig.Retain("tic")
			}
			timer, err := a.AddRemoteSender(t.Context(), "timer", declare)
			require.NoError(t, err)
			tic, err := timer.Signal("tic")
			require.NoError(t, err)
			far, near, own := newCollect(), newCollect(), newCollect()
			_, err = b.AddRemoteListener(t.Context(), "timer", "tic", far.listen)
			require.NoError(t, err)
			_, err = a.AddListener("timer", "tic", own.listen)
			require.NoError(t, err)
			check := func(c collect, traced string, data any) {
				t.Helper()
				e := c.next(t)
				require.Equal(t, traced, e.Traceparent)
				got, err := sig.As[any](e.Data)
				require.NoError(t, err)
				require.EqualValues(t, data, got)
			}
			send := func() {
				require.NoError(t, sig.TriggerTraced(tic, traceparent, 1))
				require.NoError(t, tic.Trigger(2))
				require.NoError(t, sig.TriggerTraced(tic, "", 3))
				for _, c := range []collect{far, own} {
					check(c, traceparent, 1)
					check(c, "", 2)
					check(c, "", 3)
				}
			}
			send()
			_, err = s.srv.AddListener("timer", "tic", near.listen) // now it goes another way
			require.NoError(t, err)
			if retained {
				check(near, "", 3)
			}
			send()
			check(near, traceparent, 1)

			// From the server itself, and what is no traceparent but hostile.
			door, err := s.srv.AddSender("door", sig.Events("opened"))
			require.NoError(t, err)
			opened, err := door.Signal("opened")
			require.NoError(t, err)
			_, err = b.AddRemoteListener(t.Context(), "door", "opened", far.listen)
			require.NoError(t, err)
			require.NoError(t, sig.TriggerTraced(opened, traceparent, 4))
			require.NoError(t, sig.TriggerTraced(opened, `","x":"`, 5))
			require.NoError(t, sig.TriggerTraced(opened, string(make([]byte, 300)), 6))
			check(far, traceparent, 4)
			check(far, "", 5)
			check(far, "", 6)
		}
	}
}

func TestTraceparentInProcess(t *testing.T) {
	r := router.New()
	defer r.Close()
	s, err := r.AddSender("s", sig.Events("e"))
	require.NoError(t, err)
	e, err := s.Signal("e")
	require.NoError(t, err)
	got := newCollect()
	_, err = r.AddListener("s", "e", got.listen)
	require.NoError(t, err)
	remove, err := r.Use("s", "e", func(next sig.Listener) sig.Listener { return next })
	require.NoError(t, err)
	require.NoError(t, sig.TriggerTraced(e, traceparent, 1))
	require.Equal(t, traceparent, got.next(t).Traceparent)
	remove()
	require.NoError(t, sig.TriggerTraced(e, traceparent, 1))
	require.Equal(t, traceparent, got.next(t).Traceparent)
	require.NoError(t, s.Remove())
	require.ErrorIs(t, sig.TriggerTraced(e, traceparent, 1), sig.ErrRemoved)
	require.NoError(t, sig.TriggerTraced(plainSignal{}, traceparent, 1), "a signal that knows nothing of traces")
}

// TestTraceparentOfRequests follows a trace context over every way that a request takes.
func TestTraceparentOfRequests(t *testing.T) {
	for _, text := range []bool{false, true} {
		s := newSite(t, router.ServerOptions{})
		a := s.dial(t, router.ClientOptions{TextOnly: text})
		b := s.dial(t, router.ClientOptions{TextOnly: !text})
		echo := sig.Answer("trace", func(ctx context.Context, r sig.Request) (any, error) {
			n, err := sig.As[int](r.Params)
			return []any{sig.Traceparent(ctx), n}, err
		})
		_, err := a.AddRemoteSender(t.Context(), "far", echo)
		require.NoError(t, err)
		_, err = s.srv.AddSender("near", echo)
		require.NoError(t, err)
		_, err = s.srv.AddSender("through", sig.Answer("trace", func(ctx context.Context, r sig.Request) (any, error) {
			resp, err := s.srv.Request(ctx, "far", "trace", r.Params) // on with the handler's context
			return resp.Data, err
		}))
		require.NoError(t, err)
		for _, bus := range []sig.Bus{b.Remote(), s.srv} {
			for _, sender := range []string{"far", "near", "through"} {
				for given, want := range map[string]string{traceparent: traceparent, "": "", `","x":"`: "", strings.Repeat("x", 300): ""} {
					if bus == sig.Bus(s.srv) && sender == "near" {
						want = given // in the process
					}
					resp, err := bus.Request(sig.WithTraceparent(t.Context(), given), sender, "trace", 7)
					require.NoError(t, err)
					got, err := sig.As[[]any](resp.Data)
					require.NoError(t, err)
					require.Equal(t, want, got[0], "%s, text %v", sender, text)
					require.EqualValues(t, 7, got[1])
				}
			}
		}
	}
}

type plainSignal struct{ sig.Signal }

func (plainSignal) Trigger(any) error { return nil }
