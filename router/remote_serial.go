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
	mu    sync.Mutex
	tasks []T
	spare []T
	busy  atomic.Bool     // set and cleared with mu held
	run   func(batch []T) // called with tasks in order; must not keep the slice
	ended chan struct{}   // not nil while somebody waits for the end
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
func (s *serial[T]) push(t T, spawn func(func())) {
	s.mu.Lock()
	s.tasks = append(s.tasks, t)
	start := !s.busy.Load()
	s.busy.Store(true)
	s.mu.Unlock()
	if start {
		spawn(s.loop)
	}
}

// pushAll adds tasks. It returns an empty slice for the next ones: ts is not the caller's
// any more.
func (s *serial[T]) pushAll(ts []T, spawn func(func())) []T {
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
		spawn(s.loop)
	}
	return ts[:0]
}

func (s *serial[T]) loop() {
	s.mu.Lock()
	for len(s.tasks) > 0 {
		batch := s.tasks
		s.tasks = s.spare[:0]
		s.mu.Unlock()
		s.run(batch)
		clear(batch)
		s.mu.Lock()
		s.spare = batch
		if cap(batch) > maxSpare {
			s.spare = nil
		}
	}
	s.busy.Store(false)
	if s.ended != nil {
		close(s.ended)
		s.ended = nil
	}
	s.mu.Unlock()
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
