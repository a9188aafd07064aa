package router

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sigrouter/sigrouter/sig"
)

// The baselines, in the same run: funcs called from a slice behind an atomic pointer,
// and a channel and a goroutine for each listener. The ratios to them are the goals:
//
//	trigger to 1, 10, 100 listeners           at most 4, 2, 1.6 times direct
//	by name, 1 listener                       at most 12 times direct
//	queued listeners, 1, 10, 100              at most 0.8, 0.4, 0.26 times channel
//	latency of a queued listener              at most 1.25 times channel
//	request with the method held, by name     at most 5, 18 times a direct call
//	subscribe and cancel                      at most 1.2 times direct
//
// The module in /bench has the other libraries beside it.

type benchData struct{ mark uint64 }

type directList struct {
	mu   sync.Mutex
	list atomic.Pointer[[]func(*benchData)]
	ids  []*int
}

func (d *directList) add(fn func(*benchData)) (cancel func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var next []func(*benchData)
	if cur := d.list.Load(); cur != nil {
		next = slices.Clone(*cur)
	}
	next = append(next, fn)
	id := new(int)
	d.ids = append(d.ids, id)
	d.list.Store(&next)
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		i := slices.Index(d.ids, id)
		d.ids = slices.Delete(d.ids, i, i+1)
		next := slices.Delete(slices.Clone(*d.list.Load()), i, i+1)
		d.list.Store(&next)
	}
}

func (d *directList) trigger(data *benchData) {
	for _, fn := range *d.list.Load() {
		fn(data)
	}
}

// hit is what every listener does: a load and a branch.
func hit(data *benchData, marked *atomic.Int64) {
	if data.mark != 0 {
		marked.Add(1)
	}
}

func benchListener(marked *atomic.Int64) sig.Listener {
	return func(e sig.Event) {
		if d, ok := e.Data.(*benchData); ok {
			hit(d, marked)
		}
	}
}

func BenchmarkTrigger(b *testing.B) {
	var marked atomic.Int64
	data := &benchData{}
	kinds := [][2]string{{"s", "a"}, {sig.Any, sig.Any}, {"s", sig.Any}, {sig.Any, "a"}}
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("direct/%d", n), func(b *testing.B) {
			var d directList
			for range n {
				d.add(func(data *benchData) { hit(data, &marked) })
			}
			b.ReportAllocs()
			for b.Loop() {
				d.trigger(data)
			}
		})
		for name, opts := range map[string][]sig.ListenOption{"router": nil, "mixed": nil, "waitable": {sig.Waitable()}} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				r, _ := newRouter(b, Options{})
				for i := range n {
					kind := kinds[0]
					if name == "mixed" {
						kind = kinds[i%len(kinds)]
					}
					addListener(b, r, kind[0], kind[1], benchListener(&marked), opts...)
				}
				s := addSignal(b, r, "s", "a")
				b.ReportAllocs()
				for b.Loop() {
					_ = s.Trigger(data)
				}
			})
		}
	}
	b.Run("by name/1", func(b *testing.B) {
		r, _ := newRouter(b, Options{})
		addListener(b, r, "s", "a", benchListener(&marked))
		addSignal(b, r, "s", "a")
		b.ReportAllocs()
		for b.Loop() {
			s, _ := r.Sender("s")
			sg, _ := s.Signal("a")
			_ = sg.Trigger(data)
		}
	})
	b.Run("nobody", func(b *testing.B) {
		r, _ := newRouter(b, Options{})
		s := addSignal(b, r, "s", "a")
		for b.Loop() {
			_ = s.Trigger(data)
		}
	})
}

// BenchmarkTriggerParallel triggers one signal on all processors at once.
func BenchmarkTriggerParallel(b *testing.B) {
	var marked atomic.Int64
	data := &benchData{}
	r, _ := newRouter(b, Options{})
	addListener(b, r, "s", "a", benchListener(&marked))
	s := addSignal(b, r, "s", "a")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_ = s.Trigger(data)
		}
	})
}

// BenchmarkQueued is one event to all listeners, until the last has run.
func BenchmarkQueued(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("channel/%d", n), func(b *testing.B) {
			var wg sync.WaitGroup
			chans := make([]chan *benchData, n)
			var marked atomic.Int64
			for i := range chans {
				chans[i] = make(chan *benchData, 1024)
				wg.Go(func() {
					for d := range chans[i] {
						hit(d, &marked)
					}
				})
			}
			b.ReportAllocs()
			data := &benchData{}
			for b.Loop() {
				for _, c := range chans {
					c <- data
				}
			}
			for _, c := range chans {
				close(c)
			}
			wg.Wait()
		})
		b.Run(fmt.Sprintf("router/%d", n), func(b *testing.B) {
			r, _ := newRouter(b, Options{})
			s := addSignal(b, r, "s", "a")
			var marked atomic.Int64
			for range n {
				addListener(b, r, "s", "a", benchListener(&marked), sig.Queue(1024, sig.Block))
			}
			b.ReportAllocs()
			data := &benchData{}
			for b.Loop() {
				_ = s.Trigger(data)
			}
			_ = r.Close()
		})
	}
}

// BenchmarkLatency is one event to one queued listener, and the wait for it.
func BenchmarkLatency(b *testing.B) {
	b.Run("channel", func(b *testing.B) {
		c, done := make(chan *benchData, 1024), make(chan struct{}, 1)
		defer close(c)
		go func() {
			for range c {
				done <- struct{}{}
			}
		}()
		data := &benchData{}
		for b.Loop() {
			c <- data
			<-done
		}
	})
	for name, p := range map[string]sig.Policy{"router": sig.Block, "latest": sig.Latest} {
		b.Run(name, func(b *testing.B) {
			r, _ := newRouter(b, Options{})
			s := addSignal(b, r, "s", "a")
			done := make(chan struct{}, 1)
			addListener(b, r, "s", "a", func(sig.Event) { done <- struct{}{} }, sig.Queue(1024, p))
			data := &benchData{}
			for b.Loop() {
				_ = s.Trigger(data)
				<-done
			}
		})
	}
}

func BenchmarkRequest(b *testing.B) {
	data := &benchData{}
	var direct atomic.Pointer[func(any) (any, error)]
	echo := func(v any) (any, error) { return v, nil }
	direct.Store(&echo)
	r, _ := newRouter(b, Options{})
	addSender(b, r, "s", sig.Answer("m", func(_ context.Context, q sig.Request) (any, error) { return q.Params, nil }))
	m := r.Method("s", "m")
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	for _, c := range []struct {
		name string
		fn   func()
	}{
		{"direct", func() { _, _ = (*direct.Load())(data) }},
		{"held", func() { _, _ = m.Request(context.Background(), data) }},
		{"by name", func() { _, _ = r.Request(context.Background(), "s", "m", data) }},
		{"context that can end", func() { _, _ = m.Request(ctx, data) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.fn()
			}
		})
	}
}

// BenchmarkSubscribe is one subscription and its end, with others there already.
func BenchmarkSubscribe(b *testing.B) {
	var marked atomic.Int64
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("direct/%d", n), func(b *testing.B) {
			var d directList
			for range n {
				d.add(func(data *benchData) { hit(data, &marked) })
			}
			b.ReportAllocs()
			for b.Loop() {
				d.add(func(data *benchData) { hit(data, &marked) })()
			}
		})
		b.Run(fmt.Sprintf("router/%d", n), func(b *testing.B) {
			r, _ := newRouter(b, Options{})
			s := addSignal(b, r, "s", "a")
			_ = s.Trigger(nil)
			for range n {
				addListener(b, r, "s", "a", benchListener(&marked))
			}
			b.ReportAllocs()
			for b.Loop() {
				l, _ := r.AddListener("s", "a", benchListener(&marked))
				l.Remove()
			}
		})
	}
	b.Run("router, adding only", func(b *testing.B) { // as cheap at the end as at the beginning
		r, _ := newRouter(b, Options{})
		s := addSignal(b, r, "s", "a")
		_ = s.Trigger(nil)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = r.AddListener("s", "a", benchListener(&marked))
		}
	})
}

// BenchmarkLarge is what comes and goes, and a trigger, in a router with 10,000 senders
// and 10,000 listeners of mixed kinds.
func BenchmarkLarge(b *testing.B) {
	const n = 10_000
	r, _ := newRouter(b, Options{})
	nothing := func(sig.Event) {}
	signals := make([]sig.Signal, n)
	for i := range n {
		sender, event := fmt.Sprintf("floor%d.room%d", i%10, i), fmt.Sprint("e", i%100)
		s := addSender(b, r, sender, sig.Events(event, "state"))
		signals[i] = signalOf(b, s, event)
		switch i % 20 {
		case 0:
			addListener(b, r, sig.Any, "e"+fmt.Sprint(i%100+i%7), nothing)
		case 1:
			addListener(b, r, fmt.Sprintf("floor%d.*", i%10), event, nothing)
		case 2:
			addListener(b, r, sender, sig.Any, nothing)
		default:
			addListener(b, r, sender, event, nothing)
		}
	}
	addListener(b, r, sig.Any, sig.Any, nothing)
	for _, s := range signals {
		_ = s.Trigger(nil)
	}
	for _, kind := range []struct{ name, sender, event string }{
		{"normal", "floor0.room0", "e0"}, {"sender", "floor0.room0", sig.Any}, {"channel", sig.Any, "e0"}, {"pattern", "floor3.*", "e3"}, {"router", sig.Any, sig.Any},
	} {
		for _, busy := range []int{0, 1, 100} {
			b.Run(fmt.Sprintf("%s, %d triggers between", kind.name, busy), func(b *testing.B) {
				i := 0
				for b.Loop() {
					l, err := r.AddListener(kind.sender, kind.event, nothing)
					if err != nil {
						b.Fatal(err)
					}
					for range busy {
						i++
						_ = signals[i*7%n].Trigger(nil)
					}
					l.Remove()
				}
			})
		}
	}
	b.Run("sender", func(b *testing.B) {
		for b.Loop() {
			s, err := r.AddSender("floor1.new", sig.Events("e1", "state"))
			if err != nil {
				b.Fatal(err)
			}
			_ = s.Remove()
		}
	})
	b.Run("trigger", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i++
			_ = signals[i%n].Trigger(nil)
		}
	})
}
