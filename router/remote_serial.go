package router

import (
	"sync"
	"sync/atomic"
)

// A serial runs tasks one after the other, in the order in which they were pushed, in
// a goroutine that ends when there is nothing to do. What a peer sends and what may
// call a user's function goes through the peer's serial, so that the goroutine that
// reads never waits.
//
// Its length is bounded by those who push: signals by the window, calls by MaxCalls.
type serial[T any] struct {
	mu      sync.Mutex
	tasks   []T
	spare   []T
	busy    atomic.Bool                // set and cleared with mu held
	run     func(batch []T, next *int) // runs batch[*next:], of which it counts what is begun; must not keep the slice
	kick    func()                     // called after run
	ended   chan struct{}              // not nil while somebody waits for the end
	workers *workers
	start   func() // loop

	batch []T // is being run, by whom the serial is busy with
	next  int // of it
}

// init prepares the serial.
func (s *serial[T]) init(w *workers, run func(batch []T, next *int), kick func()) {
	s.workers, s.run, s.kick, s.start = w, run, kick, s.loop
}

// idle reports whether nothing is queued or running. Only the goroutine that pushes
// may rely on it.
func (s *serial[T]) idle() bool { return !s.busy.Load() }

// len returns how many tasks wait.
func (s *serial[T]) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tasks)
}

// push adds a task.
func (s *serial[T]) push(t T) {
	s.mu.Lock()
	s.tasks = append(s.tasks, t)
	start := !s.busy.Load()
	s.busy.Store(true)
	s.mu.Unlock()
	if start {
		s.workers.Go(s.start)
	}
}

// pushAll adds tasks. It returns an empty slice for the next ones: ts is not the caller's
// any more.
func (s *serial[T]) pushAll(ts []T) []T {
	s.mu.Lock()
	if len(s.tasks) == 0 {
		s.tasks, ts = ts, s.tasks
	} else {
		s.tasks = append(s.tasks, ts...)
		clear(ts)
	}
	start := !s.busy.Load()
	s.busy.Store(true)
	s.mu.Unlock()
	if start {
		s.workers.Go(s.start)
	}
	return ts[:0]
}

// loop is the goroutine.
func (s *serial[T]) loop() {
	ended := false
	defer func() {
		if !ended { // a listener has called runtime.Goexit
			s.workers.Go(s.start)
		}
	}()
	for s.batch != nil || s.take() {
		s.run(s.batch, &s.next)
		s.kick()
		s.give()
	}
	ended = true
}

// take makes what waits the batch. It reports false, and ends the turn, when there is nothing.
func (s *serial[T]) take() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tasks) > 0 {
		s.batch, s.tasks, s.spare = s.tasks, s.spare[:0], nil
		return true
	}
	s.busy.Store(false)
	if s.ended != nil {
		close(s.ended)
		s.ended = nil
	}
	return false
}

// give ends the batch.
func (s *serial[T]) give() {
	clear(s.batch)
	if cap(s.batch) <= maxSpare {
		s.spare = s.batch[:0]
	}
	s.batch, s.next = nil, 0
}

const maxSpare = 4096

// wait returns a channel that is closed when nothing is queued or running.
func (s *serial[T]) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := make(chan struct{})
	if !s.busy.Load() {
		close(done)
		return done
	}
	if s.ended == nil {
		s.ended = done
	}
	return s.ended
}
