package router

import (
	"sync"

	"github.com/sigrouter/sigrouter/carrier"
)

// A crew serves the requests of one peer, each as if in a goroutine of its own: one that
// takes long does not hold up the others. Those that do not take long share a goroutine,
// and their replies a write.
//
// A goroutine of the crew serves one request after the other. Before it begins with one
// it sees that another goroutine, the relief, is ready to run, which goes on with what is
// left if the handler should block.
//
// Its length is bounded by MaxCalls.
type crew struct {
	mu      sync.Mutex
	waiting []servable
	next    int           // waiting[next:] are not begun
	relief  bool          // a goroutine was started that has not looked yet
	replied *carrier.Peer // replies wait to be written to it
	spawn   func(func())
}

// A servable is a request that a handler of this process answers.
type servable interface {
	serve() // calls the handler, and replies without having the reply written
	to() *carrier.Peer
}

// add adds a request; begin follows.
func (c *crew) add(s servable) {
	c.mu.Lock()
	if c.next > 0 && len(c.waiting) == cap(c.waiting) { // else what was begun would stay as long as any wait
		n := copy(c.waiting, c.waiting[c.next:])
		clear(c.waiting[n:])
		c.waiting, c.next = c.waiting[:n], 0
	}
	c.waiting = append(c.waiting, s)
	c.mu.Unlock()
}

// begin sees that what was added is served.
func (c *crew) begin() {
	c.mu.Lock()
	start := c.needsRelief()
	c.mu.Unlock()
	if start {
		c.spawn(c.work)
	}
}

// needsRelief reports whether a goroutine is to be started, for what is not begun and for
// replies that are not written. Called with the lock held.
func (c *crew) needsRelief() bool {
	if c.relief || c.next == len(c.waiting) && c.replied == nil {
		return false
	}
	c.relief = true
	return true
}

// work is a goroutine of the crew.
func (c *crew) work() {
	c.mu.Lock()
	c.relief = false
	for c.next < len(c.waiting) {
		s := c.take()
		start := c.needsRelief()
		c.mu.Unlock()
		if start {
			c.spawn(c.work)
		}
		c.serve(s)
		c.mu.Lock()
		c.note(s.to())
	}
	p := c.replied
	c.replied = nil
	c.mu.Unlock()
	if p != nil {
		p.FlushReplies()
	}
}

// take returns the request that came first. Called with the lock held.
func (c *crew) take() servable {
	s := c.waiting[c.next]
	c.waiting[c.next] = nil
	if c.next++; c.next == len(c.waiting) {
		c.waiting, c.next = c.waiting[:0], 0
	}
	return s
}

// note remembers whom a reply is to be written to. Called with the lock held.
func (c *crew) note(p *carrier.Peer) {
	if c.replied != nil && c.replied != p {
		c.replied.Kick() // of another connection of the peer
	}
	c.replied = p
}

// serve serves one request. A handler that ends its goroutine does not take the crew along.
func (c *crew) serve(s servable) {
	returned := false
	defer func() {
		if returned {
			return
		}
		c.mu.Lock()
		c.note(s.to())
		start := c.needsRelief()
		c.mu.Unlock()
		if start {
			c.spawn(c.work)
		}
	}()
	s.serve()
	returned = true
}
