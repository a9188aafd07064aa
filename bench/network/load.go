//go:build unix

package network

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Result is what one run measured.
type Result struct {
	Ops    int64         // requests answered, or events delivered
	Time   time.Duration // in which they were
	P50    time.Duration // of requests
	P99    time.Duration
	Lost   int64   // events sent and not delivered
	Router float64 // seconds of processor time of the router, meanwhile
	Memory float64 // bytes of a connection
}

// Rate returns operations a second.
func (r Result) Rate() float64 { return float64(r.Ops) / r.Time.Seconds() }

// calls asks from a number of goroutines over one connection.
func calls(c Client, routed bool, inFlight int, t timing, started func()) (Result, error) {
	var stop, measuring atomic.Bool
	latencies := make([][]time.Duration, inFlight)
	errs := make([]error, inFlight)
	var wg sync.WaitGroup
	for i := range inFlight {
		wg.Go(func() {
			for p := payload(); !stop.Load(); {
				begin := time.Now()
				if err := c.Call(routed, p); err != nil {
					errs[i] = err
					return
				}
				if measuring.Load() {
					latencies[i] = append(latencies[i], time.Since(begin))
				}
			}
		})
	}
	time.Sleep(t.Warm)
	started()
	measuring.Store(true)
	begin := time.Now()
	time.Sleep(t.Run)
	measuring.Store(false)
	took := time.Since(begin)
	stop.Store(true)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return Result{}, err
		}
	}
	all := slices.Sorted(slices.Values(slices.Concat(latencies...)))
	if len(all) == 0 {
		return Result{}, fmt.Errorf("no request was answered")
	}
	return Result{Ops: int64(len(all)), Time: took, P50: all[len(all)/2], P99: all[len(all)*99/100]}, nil
}

// events publishes as fast as the window allows, then waits for the last of them.
func events(c Client, got *counters, window int64, t timing, started func()) (Result, error) {
	var stop atomic.Bool
	var sent int64
	var failed error
	look := min(64, window) // a look at the window every so many events will do
	var wg sync.WaitGroup
	wg.Go(func() {
		for p := payload(); !stop.Load(); sent++ {
			if sent%look == 0 {
				failed = waitForWindow(c, got, sent+look-window, &stop)
			}
			if failed == nil && !stop.Load() {
				failed = c.Publish(p)
			}
			if failed != nil || stop.Load() {
				return
			}
		}
	})
	time.Sleep(t.Warm)
	started()
	begin, before := time.Now(), got.sum()
	time.Sleep(t.Run)
	r := Result{Ops: got.sum() - before, Time: time.Since(begin)}
	stop.Store(true)
	wg.Wait()
	if failed == nil {
		failed = c.Flush()
	}
	r.Lost = missing(got, sent*int64(got.n))
	return r, failed
}

// waitForWindow waits until every subscriber has had at least so many events.
func waitForWindow(c Client, got *counters, least int64, stop *atomic.Bool) error {
	if least < 0 {
		return nil
	}
	if got.min() >= least {
		return nil
	}
	if err := c.Flush(); err != nil {
		return err
	}
	for got.min() < least && !stop.Load() {
		nap()
	}
	return nil
}

// missing waits until everything has arrived, or nothing does for a while.
func missing(got *counters, want int64) int64 {
	last, since := got.sum(), time.Now()
	for last < want && time.Since(since) < 2*time.Second {
		time.Sleep(10 * time.Millisecond)
		if now := got.sum(); now != last {
			last, since = now, time.Now()
		}
	}
	return want - last
}

// nap sleeps for less than the millisecond that time.Sleep takes in an idle process.
func nap() {
	runtime.Gosched()
	_ = syscall.Nanosleep(&syscall.Timespec{Nsec: 20_000}, nil)
}
