package router

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// Promise 3: after Remove has returned no Trigger that starts later calls the
// listener, and none under way on the same goroutine does.
func TestPromise3_RemoveInsideTrigger(t *testing.T) {
	for _, kind := range [][2]string{{"timer", "tic"}, {sig.Any, "tic"}, {"timer", sig.Any}, {sig.Any, sig.Any}, {"*", "*"}} {
		r, _ := newRouter(t, Options{})
		s := addSignal(t, r, "timer", "tic")
		var subs [5]sig.Subscription
		var calls [5]int
		for i := range subs {
			subs[i] = addListener(t, r, kind[0], kind[1], func(sig.Event) {
				calls[i]++
				if i == 1 {
					for _, other := range []int{0, 1, 2, 4} {
						subs[other].Remove()
						subs[other].Remove() // does nothing
					}
				}
			})
		}
		trigger(t, s, nil)
		require.Equal(t, [5]int{1, 1, 0, 1, 0}, calls, "%v", kind)
		trigger(t, s, nil)
		require.Equal(t, [5]int{1, 1, 0, 2, 0}, calls, "%v", kind)
		require.Equal(t, 1, s.Listeners())
	}
}

// Promise 3 while other goroutines trigger without a pause: what a listener writes may
// be read without a lock after RemoveAndWait. The race detector is the judge.
func TestPromise3_RemoveAndWait(t *testing.T) {
	for _, kind := range [][2]string{{"timer", "tic"}, {sig.Any, "tic"}, {sig.Any, sig.Any}} {
		r, _ := newRouter(t, Options{})
		s := addSignal(t, r, "timer", "tic")
		stop := busy(2, func() { _ = s.Trigger(nil) })
		for range 300 {
			called := make(chan struct{})
			var once sync.Once
			var mu sync.Mutex // between the calls, not between them and us
			calls := 0
			sub := addListener(t, r, kind[0], kind[1], func(sig.Event) {
				mu.Lock()
				calls++
				mu.Unlock()
				once.Do(func() { close(called) })
			}, sig.Waitable())
			<-called
			sub.RemoveAndWait()
			before := calls
			runtime.Gosched()
			require.Equal(t, before, calls)
		}
		stop()
	}
}

// Promise 3: no call begins after Remove returned, but for one that was about to.
func TestPromise3_NoLateTrigger(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSignal(t, r, "timer", "tic")
	for range 1000 {
		var removed atomic.Bool
		var late atomic.Int64
		sub := addListener(t, r, "timer", "tic", func(sig.Event) {
			if removed.Load() {
				late.Add(1)
			}
		})
		sub.Remove()
		removed.Store(true)
		var wg sync.WaitGroup
		for range 2 { // these start later
			wg.Go(func() { _ = s.Trigger(nil) })
		}
		wg.Wait()
		require.Zero(t, late.Load())
	}
}

// Promise 3: RemoveAndWait from inside the listener does not wait for itself, nor two
// that do so at once for each other.
func TestPromise3_RemoveAndWaitInside(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSignal(t, r, "timer", "tic")
	var subs [2]sig.Subscription
	var both sync.WaitGroup
	both.Add(2)
	var turn atomic.Int64
	for i := range subs {
		subs[i] = addListener(t, r, "timer", "tic", func(e sig.Event) {
			if e.Data != i {
				return
			}
			turn.Add(1)
			both.Done()
			both.Wait() // both are inside
			subs[i].RemoveAndWait()
		}, sig.Waitable())
	}
	within(t, 5*time.Second, func() {
		var wg sync.WaitGroup
		for i := range subs {
			wg.Go(func() { _ = s.Trigger(i) })
		}
		wg.Wait()
	})
	require.EqualValues(t, 2, turn.Load())
	require.Zero(t, s.Listeners())
}

func TestPromise3_RemoveAndWaitOfNotices(t *testing.T) {
	r, _ := newRouter(t, Options{})
	inside, goOn := make(chan struct{}), make(chan struct{})
	var ended atomic.Bool
	sub := addListener(t, r, sig.Any, sig.Connect, func(sig.Event) {
		close(inside)
		<-goOn
		ended.Store(true)
	}, sig.Waitable())
	var wg sync.WaitGroup
	wg.Go(func() { addSender(t, r, "s", sig.Events("e")) })
	<-inside
	wg.Go(func() { close(goOn) })
	sub.RemoveAndWait()
	require.True(t, ended.Load())
	wg.Wait()
}

// RemoveAndWait finds its own triggers however deep they are, and whatever is between.
func TestPromise3_RemoveAndWaitDeepInside(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSignal(t, r, "timer", "tic")
	var sub sig.Subscription
	depth := 0
	sub = addListener(t, r, "timer", "tic", func(sig.Event) {
		if depth++; depth < 100 {
			trigger(t, s, nil)
			return
		}
		sub.RemoveAndWait()
	}, sig.Waitable())
	within(t, 5*time.Second, func() { trigger(t, s, nil) })
	require.Equal(t, 100, depth)
}

// Two queued listeners that wait for each other's end do not wait for ever.
func TestPromise3_QueuedWaitForEachOther(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSignal(t, r, "s", "a")
	var subs [2]sig.Subscription
	var both, done sync.WaitGroup
	both.Add(2)
	done.Add(2)
	for i := range subs {
		subs[i] = addListener(t, r, []string{"s", sig.Any}[i], "a", func(sig.Event) {
			both.Done()
			both.Wait()
			subs[1-i].RemoveAndWait()
			done.Done()
		}, sig.Queue(1, sig.Block))
	}
	trigger(t, s, nil)
	within(t, 5*time.Second, done.Wait)
}

// A queued listener waits for the end of one without a queue, which is being called by a
// trigger that waits for room in that very queue.
func TestPromise3_WaitForWhoWaitsForRoom(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSignal(t, r, "s", "a")
	waitable := addListener(t, r, "s", "a", func(sig.Event) {}, sig.Waitable())
	blocked, done := make(chan struct{}), make(chan struct{})
	queued := addListener(t, r, "s", "a", func(e sig.Event) {
		if e.Data == 0 {
			<-blocked
			waitable.RemoveAndWait()
			close(done)
		}
	}, sig.Queue(1, sig.Block))
	ring := queued.(*subscription).ring()
	go func() {
		for i := range 10 {
			_ = s.Trigger(i)
		}
	}()
	require.Eventually(t, func() bool {
		ring.mu.Lock()
		defer ring.mu.Unlock()
		return ring.blocked > 0
	}, 5*time.Second, time.Millisecond)
	close(blocked)
	closed(t, done)
}
