package inproc

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A Cost is what one operation took.
type Cost struct {
	CPU    float64 // processor time, ns: leaves out the turns of other processes
	Wall   float64 // ns
	Allocs float64
}

// timed calls run with a number of operations that takes about d.
func timed(d time.Duration, run func(n int)) Cost {
	n := 1
	for {
		begin := time.Now()
		run(n)
		took := time.Since(begin)
		if took >= d/4 {
			n = max(1, int(float64(n)*float64(d)/float64(took)))
			break
		}
		n *= 2
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, begin := processorTime(), time.Now()
	run(n)
	wall := time.Since(begin)
	cpu = processorTime() - cpu
	runtime.ReadMemStats(&after)
	ops := float64(n)
	return Cost{
		CPU:    float64(cpu) / ops,
		Wall:   float64(wall) / ops,
		Allocs: float64(after.Mallocs-before.Mallocs) / ops,
	}
}

// A Work is something that every adapter can be put through.
type Work func(a Adapter, d time.Duration) (Cost, bool)

// Trigger triggers one event for a number of listeners, from one goroutine or several.
// Others registers 64 other events, with listeners, beside.
func Trigger(listeners, goroutines int, others bool) Work {
	return func(a Adapter, d time.Duration) (Cost, bool) {
		bus := a.New()
		defer bus.Close()
		if others {
			namer, ok := bus.(Namer)
			if !ok {
				return Cost{}, false
			}
			for i := range 64 {
				namer.SubscribeOther(i, &Listener{})
			}
		}
		for range listeners {
			bus.Subscribe(&Listener{})
		}
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(goroutines))
		return timed(d, func(n int) {
			var wg sync.WaitGroup
			for range goroutines - 1 {
				wg.Go(func() { bus.Publish(n/goroutines, &Payload{}) })
			}
			bus.Publish(n-n/goroutines*(goroutines-1), &Payload{})
			wg.Wait()
		}), true
	}
}

// Churn adds one listener and removes it, with a number of others there.
func Churn(others int) Work {
	return func(a Adapter, d time.Duration) (Cost, bool) {
		bus := a.New()
		defer bus.Close()
		for range others {
			bus.Subscribe(&Listener{})
		}
		cancel := bus.Subscribe(&Listener{})
		if cancel == nil {
			return Cost{}, false
		}
		cancel()
		return timed(d, func(n int) {
			for range n {
				bus.Subscribe(&Listener{})()
			}
		}), true
	}
}

// Add adds listeners where there is a number of them.
func Add(there int) Work {
	return func(a Adapter, _ time.Duration) (Cost, bool) {
		bus := a.New()
		defer bus.Close()
		for range there {
			bus.Subscribe(&Listener{})
		}
		const n = 200 // few, so that the number there stays what it is
		begin := time.Now()
		for range n {
			bus.Subscribe(&Listener{})
		}
		took := float64(time.Since(begin)) / n
		return Cost{CPU: took, Wall: took}, true
	}
}

// Request asks and takes the answer.
func Request(a Adapter, d time.Duration) (Cost, bool) {
	bus := a.New()
	defer bus.Close()
	r, ok := bus.(Requester)
	if !ok {
		return Cost{}, false
	}
	r.Handle()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	return timed(d, func(n int) { r.Request(n, &Payload{}) }), true
}

// Deliver triggers from one goroutine; an operation is one event that every queued
// listener has run. It fails when a listener ran another number of events than were
// triggered.
func Deliver(listeners int) Work {
	return func(a Adapter, d time.Duration) (Cost, bool) {
		if !a.Queued {
			return Cost{}, false
		}
		bus := a.New()
		defer bus.Close()
		counters := make([]counter, listeners)
		var wg sync.WaitGroup
		for i := range counters {
			c := &counters[i]
			bus.Subscribe(&Listener{Fn: func(*Payload) {
				if c.n.Add(1) == c.want.Load() {
					wg.Done()
				}
			}})
		}
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		done := 0
		cost := timed(d, func(n int) {
			for end := done + n; done < end; {
				batch := end - done
				if a.Batch > 0 {
					batch = min(batch, a.Batch)
				}
				done += batch
				wg.Add(listeners)
				for i := range counters {
					counters[i].want.Store(int64(done))
				}
				bus.Publish(batch, &Payload{Mark: 1})
				wg.Wait() // waits for ever when an event is lost
			}
		})
		return cost, true
	}
}

type counter struct {
	n    atomic.Int64
	want atomic.Int64
	_    [48]byte // a cache line each
}

// Ping triggers one event for one queued listener and waits for it.
func Ping(a Adapter, d time.Duration) (Cost, bool) {
	if !a.Queued {
		return Cost{}, false
	}
	bus := a.New()
	defer bus.Close()
	done := make(chan struct{}, 1)
	bus.Subscribe(&Listener{Fn: func(*Payload) { done <- struct{}{} }})
	p := &Payload{Mark: 1}
	return timed(d, func(n int) {
		for range n {
			bus.Publish(1, p)
			<-done
		}
	}), true
}
