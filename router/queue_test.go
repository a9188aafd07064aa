package router

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// Promise 6: a listener may ask for a queue: own goroutine, bounded, with a policy.

func TestPromise6_OwnGoroutine(t *testing.T) {
	for _, p := range []sig.Policy{sig.PolicyDefault, sig.Block, sig.DropOldest, sig.DropNewest, sig.Latest} {
		r, _ := newRouter(t, Options{})
		s := addSignal(t, r, "timer", "tic")
		in := make(chan uint64, 1)
		addListener(t, r, "timer", "tic", func(sig.Event) { in <- goroutineID() }, sig.Queue(2, p))
		trigger(t, s, nil)
		require.NotEqual(t, goroutineID(), receive(t, in), "policy %d", p)
	}
}

// A stopper is a queued listener that stops in the event "stop" until it is released.
type stopper struct {
	record
	stopped, release chan struct{}
}

func newStopper() *stopper {
	return &stopper{stopped: make(chan struct{}), release: make(chan struct{})}
}

func (s *stopper) call(e sig.Event) {
	s.add(fmt.Sprint(e.Data))
	if e.Data == "stop" {
		close(s.stopped)
		<-s.release
	}
}

func (s *stopper) onDrop(d sig.Drop) {
	s.add(fmt.Sprintf("drop %d of %s.%s: %s", d.Count, d.Sender, d.Event, d.Reason))
}

// Promise 6, with what each policy does to six events behind one that is being handled
// and a queue of three: which come, and where drops are told.
func TestPromise6_Policies(t *testing.T) {
	const full, newer = "the queue is full", "a newer value came before this one was taken"
	for _, c := range []struct {
		name    string
		policy  sig.Policy
		events  []string // "a1": event a, data a1
		want    []string
		dropped uint64
	}{
		{"drop oldest", sig.DropOldest, []string{"a1", "a2", "a3", "a4", "a5", "a6"},
			[]string{"stop", "drop 3 of s.a: " + full, "a4", "a5", "a6"}, 3},
		{"drop oldest of several", sig.DropOldest, []string{"a1", "b2", "a3", "a4", "a5"},
			[]string{"stop", "drop 2 of .: " + full, "a3", "a4", "a5"}, 2},
		{"drop newest", sig.DropNewest, []string{"a1", "a2", "a3", "a4", "a5", "a6"},
			[]string{"stop", "a1", "a2", "a3", "drop 3 of s.a: " + full}, 3},
		{"latest", sig.Latest, []string{"a1", "b1", "a2", "b2", "a3"},
			[]string{"stop", "drop 2 of s.a: " + newer, "a3", "drop 1 of s.b: " + newer, "b2"}, 3},
		{"latest of too many", sig.Latest, []string{"a1", "b1", "c1", "d1", "a2"},
			[]string{"stop", "drop 2 of .: " + full, "c1", "d1", "a2"}, 2},
		{"nothing to drop", sig.DropNewest, []string{"a1", "a2", "a3"}, []string{"stop", "a1", "a2", "a3"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _ := newRouter(t, Options{})
			s := addSender(t, r, "s", sig.Events("a", "b", "c", "d"))
			l := newStopper()
			sub := addListener(t, r, "s", "*", l.call, sig.Queue(3, c.policy), sig.OnDrop(l.onDrop))
			trigger(t, signalOf(t, s, "a"), "stop")
			closed(t, l.stopped)
			for _, e := range c.events {
				trigger(t, signalOf(t, s, e[:1]), e)
			}
			require.Equal(t, c.dropped, sub.Dropped())
			close(l.release)
			require.Eventually(t, r.idle, 5*time.Second, time.Millisecond)
			require.Equal(t, c.want, l.take())
		})
	}
}

// After drops behind the last event, a new one finds its place behind the report.
func TestPromise6_DropNewestGoesOn(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSignal(t, r, "s", "a")
	l := newStopper()
	addListener(t, r, "s", "a", l.call, sig.Queue(1, sig.DropNewest), sig.OnDrop(l.onDrop))
	trigger(t, s, "stop")
	closed(t, l.stopped)
	trigger(t, s, 1)
	trigger(t, s, 2)
	close(l.release)
	require.Eventually(t, r.idle, 5*time.Second, time.Millisecond)
	trigger(t, s, 3)
	require.NoError(t, r.Close())
	require.Equal(t, []string{"stop", "1", "drop 1 of s.a: the queue is full", "3"}, l.take())
}

// idle reports whether nothing waits in a queue or is being handled.
func (r *Router) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for q := range r.queues {
		if q.depth() > 0 || q.busy() {
			return false
		}
	}
	return true
}

// Block: with one event being handled there is room for exactly as many as were asked
// for; the next Trigger waits until there is room.
func TestPromise6_Block(t *testing.T) {
	for _, size := range []int{1, 2, 3, 64} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := newRouter(t, Options{})
			s := addSignal(t, r, "s", "a")
			l := newStopper()
			addListener(t, r, "s", "a", l.call, sig.Queue(size, sig.Block))
			trigger(t, s, "stop")
			closed(t, l.stopped)
			for i := range size {
				trigger(t, s, i)
			}
			var returned atomic.Bool
			go func() {
				trigger(t, s, "more")
				returned.Store(true)
			}()
			synctest.Wait()
			require.False(t, returned.Load(), "size %d", size)
			close(l.release)
			synctest.Wait()
			require.True(t, returned.Load(), "size %d", size)
			got := l.take()
			require.Len(t, got, size+2)
			require.Equal(t, "more", got[size+1])
		})
	}
}

// Block loses nothing and keeps the order, for several readers of one ring that come and
// go, each at a speed of its own.
func TestPromise6_BlockIsComplete(t *testing.T) {
	for _, size := range []int{1, 5, 100} {
		r, _ := newRouter(t, Options{})
		s := addSignal(t, r, "s", "a")
		type reader struct {
			sub  sig.Subscription
			mu   sync.Mutex
			got  []int
			slow int
		}
		var stay []*reader
		add := func(slow int) *reader {
			rd := &reader{slow: slow}
			rd.sub = addListener(t, r, "s", "a", func(e sig.Event) {
				rd.mu.Lock()
				defer rd.mu.Unlock()
				rd.got = append(rd.got, e.Data.(int))
				for range rd.slow {
					runtime.Gosched()
				}
			}, sig.Queue(size, sig.Block))
			return rd
		}
		for i := range 3 {
			stay = append(stay, add(i))
		}
		var all []*reader
		for i := range 1000 {
			if i%100 == 50 {
				all = append(all, add(i%3))
			}
			if i%100 == 99 {
				all[len(all)-1].sub.Remove()
			}
			trigger(t, s, i)
		}
		require.NoError(t, r.Close())
		for _, rd := range stay {
			require.Len(t, rd.got, 1000)
		}
		for n, rd := range append(all, stay...) {
			for i := 1; i < len(rd.got); i++ {
				require.Equal(t, rd.got[i-1]+1, rd.got[i], "reader %d has a gap", n)
			}
			if n < len(all) && len(rd.got) > 0 {
				require.Equal(t, n*100+50, rd.got[0], "reader %d begins with the first event after it was added", n)
			}
		}
		for _, rd := range stay {
			rd.sub.Remove()
		}
		require.Empty(t, r.rings, "size %d", size)
	}
}

// Promise 2 with queues: a listener that triggers what it waits for itself does not
// wait for ever: its queue grows.
func TestPromise6_BlockOneself(t *testing.T) {
	r, log := newRouter(t, Options{})
	s := addSignal(t, r, "s", "a")
	const n = 50
	var got []int
	done := make(chan struct{})
	addListener(t, r, "s", "a", func(e sig.Event) {
		got = append(got, e.Data.(int))
		if e.Data == 0 {
			for i := 1; i <= n; i++ {
				trigger(t, s, i)
			}
		}
		if e.Data == n {
			close(done)
		}
	}, sig.Queue(4, sig.Block))
	trigger(t, s, 0)
	closed(t, done)
	for i, g := range got {
		require.Equal(t, i, g)
	}
	require.Contains(t, log.String(), "grows past its size")
	require.Contains(t, log.String(), "help_test.go")
}

// The same in a circle of three queues.
func TestPromise6_BlockInACircle(t *testing.T) {
	r, _ := newRouter(t, Options{})
	const rounds = 200
	var left sync.WaitGroup
	left.Add(rounds)
	var signals [3]sig.Signal
	for i := range signals {
		signals[i] = addSignal(t, r, fmt.Sprint("s", i), "a")
	}
	for i := range signals {
		addListener(t, r, fmt.Sprint("s", i), "a", func(e sig.Event) {
			switch n := e.Data.(int); {
			case n < 9:
				trigger(t, signals[(i+1)%3], n+1)
			default:
				left.Done()
			}
		}, sig.Queue(1, sig.Block))
	}
	for range rounds {
		trigger(t, signals[0], 0)
	}
	within(t, 20*time.Second, left.Wait)
}

// After Remove no further call of a queued listener begins; RemoveAndWait also waits for
// the one under way, unless it is called from there.
func TestPromise3_Queued(t *testing.T) {
	for _, p := range []sig.Policy{sig.Block, sig.DropOldest, sig.Latest} {
		r, _ := newRouter(t, Options{})
		s := addSender(t, r, "s", sig.Events("a", "b", "c"))
		l := newStopper()
		sub := addListener(t, r, "s", "*", l.call, sig.Queue(10, p))
		trigger(t, signalOf(t, s, "a"), "stop")
		closed(t, l.stopped)
		trigger(t, signalOf(t, s, "b"), 1)
		trigger(t, signalOf(t, s, "c"), 2)
		sub.Remove()
		waited := make(chan struct{})
		go func() {
			sub.RemoveAndWait()
			close(waited)
		}()
		runtime.Gosched()
		require.False(t, isClosed(waited))
		close(l.release)
		closed(t, waited)
		require.Equal(t, []string{"stop"}, l.take())

		var self sig.Subscription
		done, added := make(chan struct{}), make(chan struct{})
		self = addListener(t, r, "s", "a", func(sig.Event) {
			<-added
			self.RemoveAndWait()
			close(done)
		}, sig.Queue(10, p))
		close(added)
		trigger(t, signalOf(t, s, "a"), 3)
		closed(t, done)
	}
}

// A reader that is removed in the middle of a call frees the writers at once, and may go
// on with what it has taken while others write.
func TestPromise6_RemovedReaderHoldsUpNobody(t *testing.T) {
	for _, size := range []int{2, 100} {
		r, _ := newRouter(t, Options{})
		s := addSignal(t, r, "s", "a")
		l := newStopper()
		slow := addListener(t, r, "s", "a", l.call, sig.Queue(size, sig.Block))
		var n atomic.Int64
		addListener(t, r, "s", "a", func(sig.Event) { n.Add(1) }, sig.Queue(size, sig.Block))
		trigger(t, s, "stop")
		closed(t, l.stopped)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 5 * size {
				_ = s.Trigger(i)
			}
		}()
		require.Eventually(t, func() bool { return int(n.Load()) >= size }, 5*time.Second, time.Millisecond)
		slow.Remove()
		closed(t, done)
		close(l.release)
		require.NoError(t, r.Close())
		require.EqualValues(t, 5*size+1, n.Load())
		require.Equal(t, []string{"stop"}, l.take())
	}
}

// A queued listener that panics, or ends its goroutine, goes on with the next event.
func TestPromise4_Queued(t *testing.T) {
	for _, p := range []sig.Policy{sig.Block, sig.DropOldest} {
		told := make(chan Panic, 1)
		r, _ := newRouter(t, Options{OnPanic: func(p Panic) { told <- p }})
		s := addSignal(t, r, "s", "a")
		got := make(chan any, 1)
		addListener(t, r, "s", sig.Any, func(e sig.Event) {
			switch e.Data {
			case "panic":
				panic("boom")
			case "exit":
				runtime.Goexit()
			}
			got <- e.Data
		}, sig.Queue(100, p))
		trigger(t, s, "panic")
		trigger(t, s, 1)
		trigger(t, s, "exit")
		trigger(t, s, 2)
		require.Equal(t, 1, receive(t, got))
		require.Equal(t, 2, receive(t, got))
		report := receive(t, told)
		require.Equal(t, "boom", report.Value)
		require.Equal(t, "s", report.Sender)
		require.Equal(t, "a", report.Event)
		require.Contains(t, report.Place, "help_test.go:")
	}
}

// An OnDrop that panics loses no event.
func TestPromise4_OnDrop(t *testing.T) {
	r, log := newRouter(t, Options{})
	s := addSignal(t, r, "s", "a")
	l := newStopper()
	addListener(t, r, "s", "a", l.call, sig.Queue(1, sig.DropOldest), sig.OnDrop(func(sig.Drop) { panic("no") }))
	trigger(t, s, "stop")
	closed(t, l.stopped)
	trigger(t, s, 1)
	trigger(t, s, 2)
	close(l.release)
	require.NoError(t, r.Close())
	require.Equal(t, []string{"stop", "2"}, l.take())
	require.Contains(t, log.String(), "panic=no")
}

// What has been read is not kept alive by the ring.
func TestRingForgets(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSignal(t, r, "s", "a")
	addListener(t, r, "s", "a", func(sig.Event) {}, sig.Queue(100, sig.Block))
	freed := make(chan struct{})
	func() {
		big := new([1 << 20]byte)
		runtime.AddCleanup(big, func(c chan struct{}) { close(c) }, freed)
		trigger(t, s, big)
	}()
	require.Eventually(t, func() bool { runtime.GC(); return isClosed(freed) }, 10*time.Second, time.Millisecond)
}
