package router

import (
	"context"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/internal/wire"
)

// runID is the id of a client's call.
type runID struct {
	num  uint64
	text string // when the id is no number
}

// runOf returns the id of a call; id is a copy of it as text.
func runOf(m *wire.Msg, id []byte) runID {
	run := runID{num: m.Num}
	if !m.HasNum {
		run.text = string(id)
	}
	return run
}

// A callContext is the context of a handler that answers a client: it ends when the
// client cancels the call or goes, and after the time limit for calls. It makes its
// channel only when a handler asks for it, since most do not.
type callContext struct {
	context.Context // values: who the caller is
	deadline        time.Time
	run             runID

	before, after *callContext // in its callSet

	mu    sync.Mutex
	done  chan struct{}
	err   error
	timer *time.Timer
}

func (c *callContext) Deadline() (time.Time, bool) { return c.deadline, true }

func (c *callContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		} else {
			c.timer = time.AfterFunc(time.Until(c.deadline), func() { c.end(context.DeadlineExceeded) })
		}
	}
	return c.done
}

func (c *callContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && !time.Now().Before(c.deadline) {
		c.endLocked(context.DeadlineExceeded)
	}
	return c.err
}

func (c *callContext) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(err)
}

func (c *callContext) endLocked(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	if c.done != nil {
		close(c.done)
	}
	if c.timer != nil {
		c.timer.Stop()
	}
}

// A callSet holds the contexts of the handlers that answer one peer.
type callSet struct {
	mu     sync.Mutex
	newest *callContext
}

// add puts the context of a call where cancel finds it.
func (t *callSet) add(c *callContext) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.before = t.newest; c.before != nil {
		c.before.after = c
	}
	t.newest = c
}

func (t *callSet) finish(c *callContext) {
	c.end(context.Canceled)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case c.after != nil:
		c.after.before = c.before
	case t.newest == c:
		t.newest = c.before
	}
	if c.before != nil {
		c.before.after = c.after
	}
	c.before, c.after = nil, nil
}

// cancel ends one call, because the peer gave up on it.
func (t *callSet) cancel(id runID) {
	t.mu.Lock()
	c := t.newest
	for c != nil && c.run != id {
		c = c.before
	}
	t.mu.Unlock()
	if c != nil {
		c.end(context.Canceled)
	}
}

// cancelAll ends all, because the peer has gone.
func (t *callSet) cancelAll() {
	t.mu.Lock()
	var all []*callContext
	for c := t.newest; c != nil; c = c.before {
		all = append(all, c)
	}
	t.mu.Unlock()
	for _, c := range all {
		c.end(context.Canceled)
	}
}
