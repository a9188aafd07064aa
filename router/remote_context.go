package router

import (
	"context"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// A callContext is the context of a handler that answers a client: it ends when the
// client cancels the call or goes, and after the time limit for calls. Most handlers never
// look at it, so it has a channel only when one asks for it.
type callContext struct {
	context.Context // values: who the caller is
	deadline        time.Time
	id              carrier.CallID

	set           *callSet // whose lock guards what follows
	before, after *callContext
	state         callState
	doing         *callDone // nil: nobody has asked for Done
}

// callState says why a context has ended.
type callState uint8

const (
	callRuns callState = iota
	callCanceled
	callTooLong
)

func (s callState) err() error {
	switch s {
	case callCanceled:
		return context.Canceled
	case callTooLong:
		return context.DeadlineExceeded
	}
	return nil
}

// callDone is what a context needs for Done.
type callDone struct {
	closed chan struct{}
	timer  *time.Timer
}

func (c *callContext) Deadline() (time.Time, bool) { return c.deadline, true }

func (c *callContext) Done() <-chan struct{} {
	c.set.mu.Lock()
	defer c.set.mu.Unlock()
	if c.doing == nil {
		c.doing = &callDone{closed: make(chan struct{})}
		if c.state != callRuns {
			close(c.doing.closed)
		} else {
			c.doing.timer = time.AfterFunc(time.Until(c.deadline), func() { c.end(callTooLong) })
		}
	}
	return c.doing.closed
}

func (c *callContext) Err() error {
	c.set.mu.Lock()
	defer c.set.mu.Unlock()
	if c.state == callRuns && !time.Now().Before(c.deadline) {
		c.endLocked(callTooLong)
	}
	return c.state.err()
}

func (c *callContext) end(why callState) {
	c.set.mu.Lock()
	defer c.set.mu.Unlock()
	c.endLocked(why)
}

// endLocked is end with the lock held.
func (c *callContext) endLocked(why callState) {
	if c.state != callRuns {
		return
	}
	c.state = why
	if c.doing != nil {
		close(c.doing.closed)
		c.doing.timer.Stop()
	}
}

// A callSet holds the contexts of the handlers that answer one peer.
type callSet struct {
	mu     sync.Mutex
	newest *callContext
}

// add puts the context of a call where cancel finds it.
func (t *callSet) add(c *callContext) {
	c.set = t
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.before = t.newest; c.before != nil {
		c.before.after = c
	}
	t.newest = c
}

func (t *callSet) finish(c *callContext) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.endLocked(callCanceled)
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
func (t *callSet) cancel(id carrier.CallID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.newest
	for c != nil && !c.id.Same(id) {
		c = c.before
	}
	if c != nil {
		c.endLocked(callCanceled)
	}
}

// cancelAll ends all, because the peer has gone.
func (t *callSet) cancelAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := t.newest; c != nil; c = c.before {
		c.endLocked(callCanceled)
	}
}
