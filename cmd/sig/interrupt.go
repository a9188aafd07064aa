package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// untilInterrupted returns a context that ends, with the cause errInterrupted, when the
// user presses Ctrl-C or the system asks the program to stop. A second time ends the
// program at once, for when the first is taking too long, after a call of hurry. Stop ends
// the waiting.
func untilInterrupted(parent context.Context, hurry func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stopped := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stopped:
				return
			case <-signals:
				if ctx.Err() != nil {
					hurry()
					os.Exit(exitInterrupted)
				}
				cancel(errInterrupted)
			}
		}
	})
	return ctx, func() {
		signal.Stop(signals)
		close(stopped)
		wg.Wait()
		cancel(nil)
	}
}

// A hurry is a user who has asked twice to stop.
type hurry struct {
	mu sync.Mutex
	do func()
}

// set sets what is done then, before the program ends at once. It holds until forget is
// called.
func (h *hurry) set(do func()) (forget func()) {
	if h == nil {
		return func() {}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.do = do
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.do = nil
	}
}

func (h *hurry) call() {
	h.mu.Lock()
	do := h.do
	h.mu.Unlock()
	if do != nil {
		do()
	}
}
