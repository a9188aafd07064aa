package router

import (
	"context"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// waitWorkers waits for the goroutines that call users' functions: until ctx ends, and when
// it had ended before, for a moment more, since their contexts have just been ended.
// Those inside a function that does not return are left alone; the error says so.
func waitWorkers(ctx context.Context, workers *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		workers.Wait()
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
