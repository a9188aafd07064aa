package router

import (
	"context"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

func TestClose(t *testing.T) {
	r, _ := newRouter(t, Options{})
	var rec record
	addListener(t, r, sig.Any, sig.Disconnect, func(e sig.Event) { rec.add(e.Sender + ": " + e.Data.(sig.Declaration).Reason) })
	a := addSignal(t, r, "b", "e")
	addSender(t, r, "a", sig.Events("e"))
	require.NoError(t, r.Close())
	require.Equal(t, []string{"a: the router was closed", "b: the router was closed"}, rec.take())
	require.NoError(t, r.Close())
	require.Empty(t, rec.take())

	require.ErrorIs(t, a.Trigger(1), sig.ErrShuttingDown)
	_, err := r.AddSender("c", sig.Events("e"))
	require.ErrorIs(t, err, sig.ErrShuttingDown)
	_, err = r.AddListener("c", "e", func(sig.Event) {})
	require.ErrorIs(t, err, sig.ErrShuttingDown)
	for _, ctx := range []context.Context{context.Background(), t.Context()} {
		_, err = r.Request(ctx, "a", "m", nil)
		require.ErrorIs(t, err, sig.ErrShuttingDown)
		_, err = r.Method("a", "m").Request(ctx, nil)
		require.ErrorIs(t, err, sig.ErrShuttingDown)
	}
	_, ok := r.Sender("a")
	require.False(t, ok)
}

// What waits in a queue when the router is closed is still handed over.
func TestClose_Drains(t *testing.T) {
	for _, p := range []sig.Policy{sig.Block, sig.DropNewest} {
		r, _ := newRouter(t, Options{})
		s := addSignal(t, r, "s", "a")
		l := newStopper()
		addListener(t, r, "s", "a", l.call, sig.Queue(10, p))
		trigger(t, s, "stop")
		closed(t, l.stopped)
		trigger(t, s, 1)
		trigger(t, s, 2)
		go close(l.release)
		require.NoError(t, r.Close())
		require.Equal(t, []string{"stop", "1", "2"}, l.take())
	}
}

// Close also waits for the call of a queued listener that was removed meanwhile, and names
// it when it does not return.
func TestClose_WaitsForRemoved(t *testing.T) {
	for _, p := range []sig.Policy{sig.Block, sig.DropNewest} {
		synctest.Test(t, func(t *testing.T) {
			r := Options{DrainTimeout: 2 * time.Second, Logger: slog.New(slog.DiscardHandler)}.New()
			s := addSignal(t, r, "s", "a")
			l := newStopper()
			sub := addListener(t, r, "s", "a", l.call, sig.Queue(10, p))
			trigger(t, s, "stop")
			closed(t, l.stopped)
			sub.Remove()
			time.AfterFunc(time.Second, func() { close(l.release) })
			start := time.Now()
			require.NoError(t, r.Close())
			require.Equal(t, time.Second, time.Since(start))
			require.Equal(t, []string{"stop"}, l.take())
			require.Empty(t, r.leaving)

			r = Options{DrainTimeout: 2 * time.Second, Logger: slog.New(slog.DiscardHandler)}.New()
			s = addSignal(t, r, "s", "a")
			l = newStopper()
			sub = addListener(t, r, "s", "a", l.call, sig.Queue(10, p))
			trigger(t, s, "stop")
			closed(t, l.stopped)
			sub.Remove()
			err := r.Close()
			require.ErrorIs(t, err, sig.ErrTimeout)
			require.ErrorContains(t, err, "which was removed")
			close(l.release)
		})
	}
}

// A listener that never returns does not keep Close for longer than it may: its events
// count as dropped, and the error names it.
func TestClose_GivesUp(t *testing.T) {
	for _, p := range []sig.Policy{sig.Block, sig.DropNewest} {
		synctest.Test(t, func(t *testing.T) {
			r := Options{DrainTimeout: 2 * time.Second, SlowAfter: -1, Logger: slog.New(slog.DiscardHandler)}.New()
			s := addSignal(t, r, "s", "a")
			l := newStopper()
			stuck := addListener(t, r, "s", "a", l.call, sig.Queue(10, p))
			var rec record
			addListener(t, r, "s", "a", rec.listener("other"), sig.Queue(10, p))
			trigger(t, s, "stop")
			trigger(t, s, 1)
			trigger(t, s, 2)
			start := time.Now()
			err := r.Close()
			require.Equal(t, 2*time.Second, time.Since(start))
			require.ErrorIs(t, err, sig.ErrTimeout)
			require.ErrorContains(t, err, "help_test.go:")
			require.ErrorContains(t, err, "2 events dropped")
			require.EqualValues(t, 2, stuck.Dropped())
			close(l.release)
			synctest.Wait()
			require.Equal(t, []string{"stop"}, l.take())
			require.Len(t, rec.take(), 3)
		})
	}
}

func TestClose_GivesUpOnHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Options{DrainTimeout: time.Second, Logger: slog.New(slog.DiscardHandler)}.New()
		release := make(chan struct{})
		addSender(t, r, "s", sig.Answer("m", func(context.Context, sig.Request) (any, error) { <-release; return nil, nil }))
		go func() { _, _ = r.Request(t.Context(), "s", "m", nil) }()
		synctest.Wait()
		require.ErrorContains(t, r.Close(), `handler of "m" of "s"`)
		close(release)
	})
}

// Close may be called from anywhere.
func TestClose_FromInside(t *testing.T) {
	for name, opts := range map[string][]sig.ListenOption{"direct": nil, "block": {sig.Queue(1, sig.Block)}, "latest": {sig.Queue(1, sig.Latest)}} {
		t.Run(name, func(t *testing.T) {
			r, _ := newRouter(t, Options{})
			s := addSignal(t, r, "s", "a")
			result := make(chan error, 1)
			addListener(t, r, "s", "a", func(sig.Event) { result <- r.Close() }, opts...)
			within(t, 3*time.Second, func() {
				_ = s.Trigger(1)
				require.NoError(t, receive(t, result))
			})
		})
	}
	for _, notice := range []string{sig.Connect, sig.Disconnect} {
		r, _ := newRouter(t, Options{})
		addListener(t, r, "s", notice, func(sig.Event) { require.NoError(t, r.Close()) })
		within(t, 3*time.Second, func() {
			s, err := r.AddSender("s", sig.Events("a"))
			require.NoError(t, err)
			require.NoError(t, s.Remove())
		})
	}
	r, _ := newRouter(t, Options{})
	addSender(t, r, "s", sig.Answer("m", func(context.Context, sig.Request) (any, error) { return nil, r.Close() }))
	within(t, 3*time.Second, func() {
		_, err := r.Request(t.Context(), "s", "m", nil)
		require.NoError(t, err)
	})
}

// A Trigger that waits for room when the router gives up on the listener returns.
func TestClose_FreesWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Options{DrainTimeout: time.Second, SlowAfter: -1, Logger: slog.New(slog.DiscardHandler)}.New()
		s := addSignal(t, r, "s", "a")
		l := newStopper()
		addListener(t, r, "s", "a", l.call, sig.Queue(1, sig.Block))
		trigger(t, s, "stop")
		trigger(t, s, 1)
		returned := make(chan struct{})
		go func() {
			_ = s.Trigger(2)
			close(returned)
		}()
		synctest.Wait()
		require.Error(t, r.Close())
		<-returned
		close(l.release)
	})
}

// The watchdog names a queued listener that stays in one call, once, and not one that
// has much to do.
func TestWatchdog(t *testing.T) {
	for _, p := range []sig.Policy{sig.Block, sig.DropOldest} {
		synctest.Test(t, func(t *testing.T) {
			r, log := newRouter(t, Options{})
			s := addSender(t, r, "s", sig.Events("slow", "busy"))
			release := make(chan struct{})
			addListener(t, r, "s", "slow", func(sig.Event) { <-release }, sig.Queue(10, p))
			addListener(t, r, "s", "busy", func(sig.Event) { time.Sleep(time.Second) }, sig.Queue(100, p))
			trigger(t, signalOf(t, s, "slow"), nil)
			for range 40 {
				trigger(t, signalOf(t, s, "busy"), nil)
			}
			time.Sleep(9 * time.Second)
			require.Empty(t, log.String())
			time.Sleep(30 * time.Second)
			require.Regexp(t, `^[^\n]*in one call for long[^\n]*help_test.go[^\n]*event=slow[^\n]*\n$`, log.String())
			close(release)
			time.Sleep(time.Minute)
			trigger(t, signalOf(t, s, "slow"), nil)
			time.Sleep(time.Minute)
			require.Regexp(t, `^[^\n]*\n$`, log.String())
			require.NoError(t, r.Close())
		})
	}
}

// A router whose queued listeners have been removed has no goroutines, closed or not.
func TestNoGoroutinesLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails when one is left
		r := New()
		s := addSignal(t, r, "s", "a")
		for _, p := range []sig.Policy{sig.Block, sig.Block, sig.Latest} {
			sub := addListener(t, r, "s", "a", func(sig.Event) {}, sig.Queue(1, p))
			trigger(t, s, 1)
			sub.Remove()
		}
		for range 2 {
			sub := addListener(t, r, "s", "a", func(sig.Event) { runtime.Goexit() }, sig.Queue(1, sig.Block))
			trigger(t, s, 1)
			synctest.Wait()
			sub.Remove()
		}
	})
}
