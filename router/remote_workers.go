package router

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// workers are the goroutines of a router that call users' functions. One that has nothing to
// do waits for a time to be used again, since its stack has grown to what such functions
// need: a new one would have to grow first.
type workers struct {
	running sync.WaitGroup
	mu      sync.Mutex
	idle    []chan func() // those that wait, who waited longest first
	least   int           // of them since the last trim
	timer   *time.Timer   // of trim; nil: none waits
	closed  bool
}

const (
	mostIdle = 4           // how many wait at most
	idleFor  = time.Second // how long; twice that at most
)

// Go runs fn in a goroutine.
func (w *workers) Go(fn func()) {
	if next := w.wake(); next != nil {
		next <- fn
		return
	}
	w.running.Go(func() { w.run(fn) })
}

// wake returns the channel of one that waits, which is to be given something to do; nil: none does.
func (w *workers) wake() (next chan func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.idle); n > 0 {
		next, w.idle = w.idle[n-1], w.idle[:n-1]
		w.least = min(w.least, n-1)
	}
	return next
}

func (w *workers) run(fn func()) {
	next := make(chan func(), 1)
	for fn != nil {
		fn()
		fn = w.await(next)
	}
}

// await waits for something to do; nil: nothing will come.
func (w *workers) await(next chan func()) func() {
	w.mu.Lock()
	if w.closed || len(w.idle) >= mostIdle {
		w.mu.Unlock()
		return nil
	}
	w.idle = append(w.idle, next)
	if w.timer == nil {
		w.timer = time.AfterFunc(idleFor, w.trim)
	}
	w.mu.Unlock()
	return <-next
}

// trim ends those that have waited since it was called last.
func (w *workers) trim() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end(w.least)
	w.least = len(w.idle)
	if w.least > 0 {
		w.timer.Reset(idleFor)
	} else {
		w.timer = nil
	}
}

// end ends those that have waited longest. Called with the lock held.
func (w *workers) end(n int) {
	for _, next := range w.idle[:n] {
		close(next)
	}
	w.idle = slices.Delete(w.idle, 0, n)
}

// close ends those that wait, and the others when they have done.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.end(len(w.idle))
	w.least = 0
	if w.timer != nil {
		w.timer.Stop()
	}
}

// wait closes the workers and waits for them: until ctx ends, and when it had ended before,
// for a moment more, since their contexts have just been ended. Those inside a function that
// does not return are left alone; the error says so.
func (w *workers) wait(ctx context.Context) error {
	w.close()
	done := make(chan struct{})
	go func() {
		w.running.Wait()
		close(done)
	}()
	if _, ok := ctx.Deadline(); !ok || ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return sig.Errorf(sig.ErrTimeout, "a listener or a handler has not returned; its goroutine goes on")
	}
}
