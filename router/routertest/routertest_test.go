package routertest_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/router/routertest"
	"github.com/sigrouter/sigrouter/sig"
)

// addSignal adds a sender with one event to a client's server.
func addSignal(t *testing.T, c *router.ClientRouter, sender, event string) sig.Signal {
	t.Helper()
	s, err := c.AddRemoteSender(t.Context(), sender, sig.Events(event))
	require.NoError(t, err)
	signal, err := s.Signal(event)
	require.NoError(t, err)
	return signal
}

// A server and clients find each other, in a bubble and out of it.
func TestSite(t *testing.T) {
	check := func(t *testing.T) {
		site := routertest.New(t)
		a, b := site.Client("a"), site.Client("b")
		got := routertest.Record(t, b.Remote(), "door", "opened")
		opened := addSignal(t, a, "door", "opened")
		require.NoError(t, opened.Trigger("by ana"))
		require.Equal(t, "by ana", routertest.NextAs[string](t, got))
		require.Len(t, site.Server.Peers(), 2)
		got.Empty(t)
	}
	t.Run("real time", check)
	t.Run("virtual time", func(t *testing.T) { synctest.Test(t, check) })
}

// What is triggered while the site is unplugged arrives when it is plugged in again.
func TestUnplug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := routertest.New(t)
		states := make(chan router.State, 10)
		c := site.ClientWith(router.ClientOptions{OnState: func(s router.State) { states <- s }})
		require.True(t, (<-states).Connected)
		got := routertest.Record(t, site.Server, "door", "opened")
		opened := addSignal(t, c, "door", "opened")

		site.Unplug()
		require.False(t, (<-states).Connected)
		require.NoError(t, opened.Trigger(1))
		time.Sleep(time.Minute)
		synctest.Wait()
		got.Empty(t)
		require.False(t, c.Connected())
		site.Plug()
		require.Equal(t, 1, routertest.NextAs[int](t, got))
		require.True(t, (<-states).Connected)
	})
}

// A cut loses nothing.
func TestCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := routertest.New(t)
		a, b := site.Client("a"), site.Client("b")
		got := routertest.Record(t, b.Remote(), "counter", "n")
		n := addSignal(t, a, "counter", "n")
		for i := range 100 {
			require.NoError(t, n.Trigger(i))
			if i%10 == 5 {
				site.Cut()
				time.Sleep(10 * time.Second)
			}
		}
		for i := range 100 {
			require.Equal(t, i, routertest.NextAs[int](t, got))
		}
	})
}

func TestLazyClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := routertest.New(t)
		site.Unplug()
		c := site.ClientWith(router.ClientOptions{Lazy: true})
		time.Sleep(time.Minute)
		require.False(t, c.Connected())
		site.Plug()
		_, err := c.AddRemoteSender(t.Context(), "late", sig.Events("e"))
		require.NoError(t, err)
	})
}

// A fake is a test that may fail.
type fake struct {
	testing.TB
	ctx    context.Context
	failed string
}

func (f *fake) Helper()                        {}
func (f *fake) Cleanup(func())                 {}
func (f *fake) Context() context.Context       { return f.ctx }
func (f *fake) Errorf(format string, a ...any) { f.failed = fmt.Sprintf(format, a...) }
func (f *fake) Fatalf(format string, a ...any) {
	f.Errorf(format, a...)
	runtime.Goexit()
}

// run runs part of a test and returns how it failed.
func run(t *testing.T, fn func(t testing.TB)) string {
	f := &fake{ctx: t.Context()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(f)
	}()
	<-done
	return f.failed
}

// Each way in which the helpers fail a test, and what they say then.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := routertest.NewRecorder()
		begin := time.Now()
		require.Equal(t, "routertest: no event came within 10s", run(t, func(t testing.TB) { r.Next(t) }))
		require.Equal(t, routertest.Patience, time.Since(begin))

		r.Listen(sig.NewEvent("door", "opened", "wide"))
		require.Contains(t, run(t, func(t testing.TB) { routertest.NextAs[int](t, r) }), "the data of door opened wide: ")
		r.Listen(sig.NewEvent("door", "opened", 1))
		r.Listen(sig.Event{Origin: &sig.Origin{Sender: "door", Name: "closed", Retained: true}, Data: 2})
		require.Equal(t, "routertest: 2 events, want none:\ndoor opened 1\ndoor closed 2 (retained)", run(t, r.Empty))
		require.Empty(t, run(t, r.Empty), "Empty takes what it complains of")

		for i := range 100_002 {
			r.Listen(sig.NewEvent("door", "opened", i))
		}
		require.Equal(t, "routertest: 2 events more than the 100000 a Recorder keeps", run(t, func(t testing.TB) {
			require.Len(t, r.Take(t), 100_000)
		}))
		require.Contains(t, run(t, func(t testing.TB) { routertest.Record(t, router.New(), "", "opened") }), `Record("", "opened"): `)
	})
}

// A Recorder waits for what comes later.
func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := routertest.NewRecorder()
		go func() {
			for i := range 3 {
				time.Sleep(time.Second)
				r.Listen(sig.NewEvent("s", "e", i))
			}
		}()
		begin := time.Now()
		for i := range 3 {
			require.Equal(t, i, r.Next(t).Data)
		}
		require.Equal(t, 3*time.Second, time.Since(begin))
	})
}
