package router

// The promises of docs/semantics.md that hold within one process, by their numbers.

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// Promise 1: Trigger calls every matching listener before it returns, in the caller's
// goroutine: router broadcast, sender broadcast, channel, normal; within one kind in
// order of registration.
func TestPromise1_Order(t *testing.T) {
	r, _ := newRouter(t, Options{})
	var rec record
	for _, round := range []string{"1", "2"} {
		addListener(t, r, "a.b", "e.f", rec.listener("normal"+round))
		addListener(t, r, "a.*", "e.f", rec.listener("pattern"+round))
		addListener(t, r, "a.b", "e", rec.listener("below"+round), sig.Below())
		addListener(t, r, sig.Any, "e.f", rec.listener("channel"+round))
		addListener(t, r, sig.Any, "*.f", rec.listener("channel pattern"+round))
		addListener(t, r, "a.b", sig.Any, rec.listener("sender"+round))
		addListener(t, r, "a.>", sig.Any, rec.listener("sender pattern"+round))
		addListener(t, r, "a", sig.Any, rec.listener("sender below"+round), sig.Below())
		addListener(t, r, sig.Any, sig.Any, rec.listener("router"+round))
		for _, other := range [][2]string{{"a.b", "e"}, {"a", "e.f"}, {"a.b.*", "e.f"}, {"b.*", sig.Any}, {sig.Any, "e.f.g"}, {sig.Any, "*"}} {
			addListener(t, r, other[0], other[1], rec.listener("other"))
		}
	}
	s := addSignal(t, r, "a.b", "e.f")
	rec.take()
	trigger(t, s, 1)
	var want []string
	for _, id := range []string{
		"router1", "router2",
		"sender1", "sender pattern1", "sender below1", "sender2", "sender pattern2", "sender below2",
		"channel1", "channel pattern1", "channel2", "channel pattern2",
		"normal1", "pattern1", "below1", "normal2", "pattern2", "below2",
	} {
		want = append(want, id+" a.b.e.f=1")
	}
	require.Equal(t, want, rec.take())
	require.Equal(t, len(want), s.Listeners())
}

func TestPromise1_CallersGoroutine(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSignal(t, r, "timer", "tic")
	var in uint64
	addListener(t, r, "timer", "tic", func(sig.Event) { in = goroutineID() })
	trigger(t, s, nil)
	require.Equal(t, goroutineID(), in)
}

// Promise 2: a listener may add or remove listeners and senders, trigger and request,
// from inside a call, at any depth, without deadlock; changes take effect with the next
// Trigger.
func TestPromise2_ChangesTakeEffectWithTheNextTrigger(t *testing.T) {
	for _, kind := range [][2]string{{"timer", "tic"}, {sig.Any, "tic"}, {"timer", sig.Any}, {sig.Any, sig.Any}, {"*", "*"}} {
		for _, opts := range [][]sig.ListenOption{nil, {sig.Queue(8, sig.Block)}, {sig.Queue(8, sig.DropOldest)}} {
			r, _ := newRouter(t, Options{})
			s := addSignal(t, r, "timer", "tic")
			later := make(chan any, 10)
			added := false
			note := func(e sig.Event) { later <- e.Data }
			// With queues there is one of the same kind already, whose ring is shared.
			addListener(t, r, kind[0], kind[1], func(sig.Event) {}, opts...)
			addListener(t, r, sig.Any, sig.Any, func(e sig.Event) {
				if !added {
					added = true
					addListener(t, r, kind[0], kind[1], note, opts...)
				}
			})
			trigger(t, s, 1)
			trigger(t, s, 2)
			require.Equal(t, 2, receive(t, later), "%v", kind)
		}
	}
}

func TestPromise2_AnyDepth(t *testing.T) {
	const depth = 64
	r, _ := newRouter(t, Options{})
	var calls int
	handler := func(ctx context.Context, q sig.Request) (any, error) {
		s, ok := r.Sender("deep")
		if !ok {
			return nil, errors.New("no sender")
		}
		sg, err := s.Signal("down")
		if err != nil {
			return nil, err
		}
		return nil, sg.Trigger(q.Params)
	}
	addSender(t, r, "deep", sig.Events("down"), sig.Answer("go", handler))
	addListener(t, r, "deep", "down", func(e sig.Event) {
		calls++
		n := e.Data.(int)
		if n == depth {
			return
		}
		name := fmt.Sprint("sender", n)
		s, err := r.AddSender(name, sig.Events("x"))
		require.NoError(t, err)
		l, err := r.AddListener(sig.Any, "x", func(sig.Event) {})
		require.NoError(t, err)
		_, err = r.Request(context.Background(), "deep", "go", n+1)
		require.NoError(t, err)
		l.Remove()
		require.NoError(t, s.Remove())
	})
	within(t, 5*time.Second, func() {
		_, err := r.Request(context.Background(), "deep", "go", 0)
		require.NoError(t, err)
	})
	require.Equal(t, depth+1, calls)
	infos, err := r.Senders(t.Context())
	require.NoError(t, err)
	require.Len(t, infos, 2) // deep and the broadcast sender
}

// Promise 2, for the notices of senders: a listener of #disconnect may add the sender
// again, one of #connect may remove it, and everybody sees them alternate.
func TestPromise2_FromInsideNotices(t *testing.T) {
	r, _ := newRouter(t, Options{})
	var rec record
	note := func(id string) sig.Listener {
		return func(e sig.Event) { rec.add(id + " " + e.Sender + e.Name) }
	}
	again := 3
	addListener(t, r, sig.Any, sig.Disconnect, func(e sig.Event) {
		note("first")(e)
		if again--; again > 0 {
			addSender(t, r, e.Sender, sig.Events("tic"))
		}
	})
	addListener(t, r, sig.Any, sig.Any, note("all"))
	addListener(t, r, sig.Any, sig.Connect, func(e sig.Event) {
		note("remover")(e)
		require.NoError(t, r.RemoveSender(e.Sender))
	})
	within(t, 5*time.Second, func() { addSender(t, r, "s", sig.Events("tic")) })
	var all []string
	for _, s := range rec.take() {
		if what, ok := strings.CutPrefix(s, "all s"); ok {
			all = append(all, what)
		}
	}
	require.Equal(t, []string{"#connect", "#disconnect", "#connect", "#disconnect", "#connect", "#disconnect"}, all)
}

// Promise 5: everything is safe for concurrent use. Two triggers of one signal from one
// goroutine reach each listener in that order.
func TestPromise5_Concurrent(t *testing.T) {
	r, _ := newRouter(t, Options{})
	const goroutines, rounds = 4, 300
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			name := fmt.Sprint("s", g%2)
			for i := range rounds {
				s, err := r.AddSender(name, sig.Events("e", "f"), sig.Retain("kept"), sig.AnswerRest(func(context.Context, sig.Request) (any, error) { return 1, nil }))
				if err != nil {
					require.ErrorIs(t, err, sig.ErrTaken)
					_, _ = r.Request(context.Background(), name, "m", nil)
					_ = r.String()
					continue
				}
				sub := addListener(t, r, []string{name, sig.Any, "*"}[i%3], []string{"e", sig.Any}[i%2], func(e sig.Event) {}, []sig.ListenOption{sig.Queue(4, sig.Block), sig.Waitable(), sig.Queue(4, sig.Latest)}[i%3])
				for _, e := range []string{"e", "f", "kept"} {
					sg, err := s.Signal(e)
					require.NoError(t, err)
					require.NoError(t, sg.Trigger(i))
				}
				sub.RemoveAndWait()
				_ = s.Remove()
			}
		})
	}
	within(t, 60*time.Second, wg.Wait)
}

func TestPromise5_OrderOfOneGoroutine(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSignal(t, r, "timer", "tic")
	type key struct{ listener, goroutine int }
	var mu sync.Mutex
	last := map[key]int{}
	for l, opts := range [][]sig.ListenOption{nil, {sig.Queue(8, sig.Block)}, {sig.Queue(100, sig.Block)}, {sig.Queue(4, sig.DropOldest)}} {
		addListener(t, r, "timer", "tic", func(e sig.Event) {
			mu.Lock()
			defer mu.Unlock()
			d := e.Data.([2]int)
			if k := (key{l, d[0]}); d[1] <= last[k] {
				t.Errorf("listener %d: goroutine %d: %d after %d", l, d[0], d[1], last[k])
			} else {
				last[k] = d[1]
			}
		}, opts...)
	}
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			for i := 1; i <= 500; i++ {
				_ = s.Trigger([2]int{g, i})
			}
		})
	}
	wg.Wait()
	require.NoError(t, r.Close())
	for l := range 3 {
		for g := range 3 {
			require.Equal(t, 500, last[key{l, g}])
		}
	}
}

// Promise 7: a listener may precede its sender; it survives the sender's coming and
// going.
func TestPromise7_ListenerSurvives(t *testing.T) {
	r, _ := newRouter(t, Options{})
	var rec record
	addListener(t, r, "timer", "tic", rec.listener("l"))
	for i := range 3 {
		s := addSender(t, r, "timer", sig.Events("tic"))
		trigger(t, signalOf(t, s, "tic"), i)
		require.NoError(t, s.Remove())
	}
	require.Equal(t, []string{"l timer.tic=0", "l timer.tic=1", "l timer.tic=2"}, rec.take())
}

// Promise 8: a sender name belongs to one holder at a time; a second gets an error that
// says so. Adding a sender keeps earlier listeners of the events it declares.
func TestPromise8_OneHolder(t *testing.T) {
	r, _ := newRouter(t, Options{})
	first := addSender(t, r, "timer", sig.Events("tic"))
	_, err := r.AddSender("timer", sig.Events("toc"))
	require.ErrorIs(t, err, sig.ErrTaken)
	require.ErrorContains(t, err, `"timer" is already connected`)
	require.NoError(t, first.Remove())
	second := addSender(t, r, "timer", sig.Events("toc"))
	require.NoError(t, first.Remove(), "it is not first's any more")
	_, ok := r.Sender("timer")
	require.True(t, ok)
	require.NoError(t, second.Remove())
}

func TestPromise8_Race(t *testing.T) {
	r, _ := newRouter(t, Options{})
	rounds := 200
	for round := range rounds {
		var won atomic.Int64
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 50 {
			wg.Go(func() {
				<-start
				_, err := r.AddSender("contested", sig.Events("e"))
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, sig.ErrTaken):
					t.Errorf("lost with %v", err)
				}
			})
		}
		close(start)
		wg.Wait()
		require.EqualValues(t, 1, won.Load(), "round %d", round)
		require.NoError(t, r.RemoveSender("contested"))
	}
}

// busy calls fn on n goroutines over and over until stop.
func busy(n int, fn func()) (stop func()) {
	var quit atomic.Bool
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for !quit.Load() {
				fn()
				runtime.Gosched()
			}
		})
	}
	return func() {
		quit.Store(true)
		wg.Wait()
	}
}
