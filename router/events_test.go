package router

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

func TestEvents(t *testing.T) {
	for _, opts := range [][]sig.ListenOption{nil, {sig.Queue(8, sig.DropOldest)}} {
		r, _ := newRouter(t, Options{})
		s := addSender(t, r, "s", sig.Retain("a"))
		a := signalOf(t, s, "a")
		trigger(t, a, 0)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var got []any
		for e := range r.Events(ctx, "s", "*", opts...) {
			got = append(got, e.Data)
			require.Equal(t, e.Data == 0, e.Retained)
			if e.Data == 3 {
				cancel()
			}
			trigger(t, a, len(got)) // it waits for the next step
			trigger(t, a, -1)
			_ = r.String()
			if len(got) > 1 {
				continue
			}
			require.Equal(t, 1, a.Listeners())
		}
		require.Equal(t, []any{0, 1, -1, 2}, got[:4])
		require.Zero(t, a.Listeners(), "the loop's subscription is gone")

		for e := range r.Events(t.Context(), "s", "a", opts...) {
			require.True(t, e.Retained)
			break
		}
		require.Zero(t, a.Listeners())
	}
}

// The loop ends with its context and with the router while it waits for an event.
func TestEvents_End(t *testing.T) {
	for _, opts := range [][]sig.ListenOption{nil, {sig.Queue(8, sig.DropOldest)}} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := newRouter(t, Options{})
			s := addSignal(t, r, "s", "a")
			ended := make(chan int, 2)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			loop := func(ctx context.Context) {
				n := 0
				for range r.Events(ctx, "s", "a", opts...) {
					n++
				}
				ended <- n
			}
			go loop(ctx)
			go loop(t.Context())
			synctest.Wait()
			trigger(t, s, 1)
			synctest.Wait()
			require.Empty(t, ended)
			cancel()
			require.Equal(t, 1, <-ended)
			require.Equal(t, 1, s.Listeners())
			trigger(t, s, 2)
			require.NoError(t, r.Close())
			require.Equal(t, 2, <-ended, "what waited is handed over first")
		})
	}
}

// A panic, or Goexit, in the loop's body is the body's: it ends the subscription and
// goes on its way.
func TestEvents_PanicInBody(t *testing.T) {
	r, log := newRouter(t, Options{})
	s := addSender(t, r, "s", sig.RetainValue("a", 1))
	require.PanicsWithValue(t, "boom", func() {
		for range r.Events(t.Context(), "s", "a") {
			panic("boom")
		}
	})
	within(t, 5*time.Second, func() {
		for range r.Events(t.Context(), "s", "a") {
			runtime.Goexit()
		}
	})
	require.Zero(t, signalOf(t, s, "a").Listeners())
	require.Empty(t, log.String())
}

func TestEvents_Errors(t *testing.T) {
	r, log := newRouter(t, Options{})
	for range r.Events(t.Context(), "", "a") {
		t.Fatal("an event of nobody")
	}
	require.Contains(t, log.String(), "empty sender name")
	require.Contains(t, log.String(), "events_test.go:")
	require.NoError(t, r.Close())
	for range r.Events(t.Context(), "s", "a") {
		t.Fatal("an event of a closed router")
	}
}
