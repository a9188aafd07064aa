package router

import (
	"sync"
	"sync/atomic"
	"time"

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
// Where handlers are known to be quick the goroutine that reads serves them itself, see
// carrier.Lent; it gets a relief when it is late.
//
// Its length is bounded by MaxCalls.
type crew struct {
	some    atomic.Bool // there may be something for begin; changed with mu held
	mu      sync.Mutex
	waiting []*served
	next    int           // waiting[next:] are not begun
	relief  bool          // a goroutine was started that has not looked yet
	leads   bool          // the goroutine that reads is at work, and not late
	lender  *carrier.Peer // for which it reads
	replied *carrier.Peer // replies wait to be written to it
	pace    pace
	workers *workers
	start   func() // work
}

// quickHandler is how long a handler takes that the goroutine that reads may call. The next
// ones wait for it, where they could be called at once on other processors.
const quickHandler = 5 * time.Microsecond

// init prepares the crew.
func (c *crew) init(w *workers) { c.workers, c.start = w, c.work }

// lendable notes whether the goroutine that reads for the peer may be lent.
func (c *crew) lendable(p *carrier.Peer) {
	limit := quickHandler
	if !p.Lends() {
		limit = 0
	}
	c.pace.limit.Store(int64(limit))
}

// add adds a request; begin follows.
func (c *crew) add(s *served) {
	c.mu.Lock()
	if c.next > 0 && len(c.waiting) == cap(c.waiting) { // else what was begun would stay as long as any wait
		n := copy(c.waiting, c.waiting[c.next:])
		clear(c.waiting[n:])
		c.waiting, c.next = c.waiting[:n], 0
	}
	c.waiting = append(c.waiting, s)
	if !c.some.Load() {
		c.some.Store(true)
	}
	c.mu.Unlock()
}

// begin sees that what was added is served: by the goroutine that reads for p, which calls
// it, or by another, which it has to be where p is nil.
func (c *crew) begin(p *carrier.Peer) {
	if !c.some.Load() {
		return
	}
	c.mu.Lock()
	c.some.Store(false)
	start := c.needsRelief()
	if start && p != nil && c.pace.quick() && p.Lend(c) {
		start, c.relief, c.lender = false, false, p
	}
	c.mu.Unlock()
	if start {
		c.workers.Go(c.start)
	}
}

// needsRelief reports whether a goroutine is to be started, for what is not begun and for
// replies that are not written. Called with the lock held.
func (c *crew) needsRelief() bool {
	if c.relief || c.leads || c.next == len(c.waiting) && c.replied == nil {
		return false
	}
	c.relief = true
	return true
}

// work is a goroutine of the crew.
func (c *crew) work() {
	c.mu.Lock()
	c.relief = false
	p := c.serveAll()
	c.mu.Unlock()
	if p != nil {
		p.FlushReplies()
	}
}

// Work is work in the goroutine that reads, which has the replies written.
func (c *crew) Work() {
	c.workers.running.Add(1)
	defer c.workers.running.Done()
	c.mu.Lock()
	c.leads = true
	p := c.serveAll()
	if p == c.lender {
		p = nil
	}
	c.leads = false
	c.mu.Unlock()
	if p != nil { // of another connection of the peer
		p.Kick()
	}
}

// Late is called when Work takes long.
func (c *crew) Late() {
	c.pace.late()
	c.mu.Lock()
	c.leads = false
	start := c.needsRelief()
	c.mu.Unlock()
	if start {
		c.workers.Go(c.start)
	}
}

// serveAll serves what waits, and returns the peer to which replies are to be written, if
// any. Called with the lock held.
func (c *crew) serveAll() (replied *carrier.Peer) {
	began, n := c.pace.now(), 0
	for ; c.next < len(c.waiting); n++ {
		s := c.take()
		start := c.needsRelief()
		c.mu.Unlock()
		if start {
			c.workers.Go(c.start)
		}
		c.serve(s)
		c.mu.Lock()
		c.note(s.peer)
	}
	c.pace.note(n, began)
	replied, c.replied = c.replied, nil
	return replied
}

// take returns the request that came first. Called with the lock held.
func (c *crew) take() *served {
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
func (c *crew) serve(s *served) {
	returned := false
	defer func() {
		if returned {
			return
		}
		c.mu.Lock()
		c.note(s.peer)
		start := c.needsRelief()
		c.mu.Unlock()
		if start {
			c.workers.Go(c.start)
		}
	}()
	s.serve()
	returned = true
}
