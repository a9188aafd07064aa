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
// program at once, for when the first is taking too long. Stop ends the waiting.
func untilInterrupted(parent context.Context) (ctx context.Context, stop func()) {
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
