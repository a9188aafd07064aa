package router

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// Promise 4: a listener that panics is reported (hook, log with sender, event and
// stack); the others are still called; the trigger goes on. All sets of six panicking
// listeners.
func TestPromise4_Panic(t *testing.T) {
	for mask := range 64 {
		var told []Panic
		r, log := newRouter(t, Options{OnPanic: func(p Panic) { told = append(told, p) }})
		s := addSignal(t, r, "timer", "tic")
		var called []int
		for i := range 6 {
			addListener(t, r, "timer", "tic", func(sig.Event) {
				called = append(called, i)
				if mask&(1<<i) != 0 {
					panic(fmt.Sprint("boom ", i))
				}
			})
		}
		trigger(t, s, nil)
		require.Equal(t, []int{0, 1, 2, 3, 4, 5}, called)
		n := 0
		for i := range 6 {
			if mask&(1<<i) == 0 {
				continue
			}
			p := told[n]
			n++
			require.Equal(t, "timer", p.Sender)
			require.Equal(t, "tic", p.Event)
			require.Equal(t, fmt.Sprint("boom ", i), p.Value)
			require.Contains(t, p.Place, "_test.go:")
			require.Contains(t, string(p.Stack), "promise_panic_test.go:")
			require.Contains(t, log.String(), fmt.Sprint("boom ", i))
		}
		require.Len(t, told, n)
		for _, part := range []string{"sender=timer", "event=tic", "_test.go:", "stack="} {
			require.Equal(t, mask != 0, strings.Contains(log.String(), part), part)
		}
	}
}

func TestPromise4_PanicInHookAndLog(t *testing.T) {
	r, log := newRouter(t, Options{OnPanic: func(Panic) { panic("the hook, too") }})
	s := addSignal(t, r, "timer", "tic")
	calls := 0
	var nilFunc func()
	for _, bad := range []func(){func() { panic("boom") }, nilFunc, func() { panic(error(nil)) }} {
		addListener(t, r, "timer", "tic", func(sig.Event) { bad() })
		addListener(t, r, "timer", "tic", func(sig.Event) { calls++ })
	}
	trigger(t, s, nil)
	require.Equal(t, 3, calls)
	require.Contains(t, log.String(), "the hook, too")
}

// runtime.Goexit, which t.FailNow calls, is no panic: it ends the goroutine, and the
// router works on.
func TestPromise4_Goexit(t *testing.T) {
	r, _ := newRouter(t, Options{OnPanic: func(p Panic) { t.Errorf("told of %v", p) }})
	s := addSignal(t, r, "timer", "tic")
	sub := addListener(t, r, sig.Any, sig.Any, func(sig.Event) { runtime.Goexit() })
	returned := false
	within(t, 5*time.Second, func() {
		_ = s.Trigger(nil)
		returned = true
	})
	require.False(t, returned)
	var rec record
	addListener(t, r, sig.Any, sig.Connect, rec.listener("later"))
	within(t, 5*time.Second, func() { _, _ = r.AddSender("other", sig.Events("x")) })
	require.Len(t, rec.take(), 1, "the other listeners of a notice are called")
	sub.Remove()
	within(t, 5*time.Second, func() { require.NoError(t, s.Trigger(nil)) })
}
