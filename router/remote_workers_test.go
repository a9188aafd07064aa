package router

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// ran runs a function in a worker and returns the number of its goroutine, when that waits
// or has ended.
func ran(t *testing.T, w *workers, fn func()) uint64 {
	t.Helper()
	id := make(chan uint64, 1)
	w.Go(func() {
		defer func() { id <- goroutineID() }()
		fn()
	})
	n := <-id
	synctest.Wait()
	return n
}

func (w *workers) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.idle)
}

func TestWorkersAreUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w workers
		first := ran(t, &w, func() {})
		for range 10 {
			require.Equal(t, first, ran(t, &w, func() {}))
		}
		require.Equal(t, first, ran(t, &w, runtime.Goexit)) // a test that fails in a handler
		require.NotEqual(t, first, ran(t, &w, func() {}))
		require.NoError(t, w.wait(t.Context()))
		ran(t, &w, func() {}) // late
		require.NoError(t, w.wait(t.Context()))
		require.Zero(t, w.waiting())
	})
}

// However many there are at once, few wait afterwards.
func TestFewWorkersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w workers
		goOn := make(chan struct{})
		for range 20 * mostIdle {
			w.Go(func() { <-goOn })
		}
		close(goOn)
		synctest.Wait()
		require.Equal(t, mostIdle, w.waiting())
		for range 10 { // one is enough
			time.Sleep(idleFor / 2)
			ran(t, &w, func() {})
		}
		require.Equal(t, 1, w.waiting())
		time.Sleep(2 * idleFor)
		synctest.Wait()
		require.Zero(t, w.waiting())
		ran(t, &w, func() {})
		require.NoError(t, w.wait(t.Context()))
	})
}

func TestWorkersThatDoNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w workers
		goOn := make(chan struct{})
		w.Go(func() { <-goOn })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, w.wait(ctx), sig.ErrTimeout)
		close(goOn)
		require.NoError(t, w.wait(t.Context()))
	})
}
