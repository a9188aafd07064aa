package router

import (
	"context"
	"sync"
	"time"
)

// runID is the id of a client's call.
type runID struct {
	num  uint64
	text string // when the id is no number
}

// A callContext is the context of a handler that answers a client: it ends when the
// client cancels the call or goes, and after the time limit for calls. It makes its
// channel only when a handler asks for it, since most do not.
type callContext struct {
	context.Context // values: who the caller is
	deadline        time.Time

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
	mu sync.Mutex
	m  map[runID]*callContext
}

// add puts the context of a call where cancel finds it.
func (t *callSet) add(id runID, ctx *callContext) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[runID]*callContext{}
	}
	t.m[id] = ctx
}

func (t *callSet) finish(id runID, ctx *callContext) {
	ctx.end(context.Canceled)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m[id] == ctx {
		delete(t.m, id)
	}
}

// cancel ends one call, because the peer gave up on it.
func (t *callSet) cancel(id runID) {
	t.mu.Lock()
	ctx := t.m[id]
	t.mu.Unlock()
	if ctx != nil {
		ctx.end(context.Canceled)
	}
}

// cancelAll ends all, because the peer has gone.
func (t *callSet) cancelAll() {
	t.mu.Lock()
	all := t.m
	t.m = nil
	t.mu.Unlock()
	for _, ctx := range all {
		ctx.end(context.Canceled)
	}
}
