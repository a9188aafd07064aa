package router

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/sig"
)

// A ring is a bounded queue that several listeners read, all those with the same
// subscription: an event is written once for all of them, each has a place of its own
// to read at, and the slowest bounds the writers.
type ring struct {
	r     *Router
	key   ringKey
	build uint64 // the last list that has it; guarded by r.mu

	mu      sync.Mutex
	buf     []slot // its length is a power of two
	head    uint64 // where the next event goes; the slot is head modulo the length
	low     uint64 // where the slowest reader reads
	atLow   int    // how many readers are there
	limit   uint64 // events at most
	epoch   uint64 // goes up by one with each reader that joins
	readers []*reader
	asleep  *reader       // those that wait for an event
	blocked int           // writers that wait for room
	lifted  int           // readers that wait for others: the limit does not hold meanwhile
	over    atomic.Uint64 // events written beyond the limit
	room    sync.Cond
}

type ringKey struct {
	sender, event string
	below         bool
	size          int
	alone         uint64 // the id of a listener that shares with nobody
}

// A slot holds an event, and the epoch of the list that it was triggered with. A
// reader that joined later is not to get it.
type slot struct {
	event sig.Event
	epoch uint64
}

const (
	// Up to this size every event is taken by itself, so that the ring has room for
	// exactly as many as were asked for beside the one that is being handled. Readers
	// of larger rings take up to a half at once.
	singly   = 64
	firstBuf = 64
)

// ringFor returns the ring for the listeners that subscribe as s does. r.mu is held.
func (r *Router) ringFor(s *subscription, size int) *ring {
	key := ringKey{s.sender, s.event, s.below, size, 0}
	if s.ext.detached {
		key.alone = s.id
	}
	q := r.rings[key]
	if q == nil {
		q = &ring{r: r, key: key, limit: uint64(size), buf: make([]slot, firstBuf)}
		if size <= singly {
			q.limit++
		}
		q.room.L = &q.mu
		r.rings[key] = q
	}
	return q
}

// join adds a reader that gets the events of lists built from now on. r.mu is held.
func (q *ring) join(s *subscription) *reader {
	rd := &reader{worker: newWorker(s, q), ring: q}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.epoch++
	rd.joined, rd.pos = q.epoch, q.head
	q.readers = append(q.readers, rd)
	if rd.pos == q.low {
		q.atLow++
	}
	return rd
}

// writer returns the call that writes events for those who are reading now. If notice
// is set it does not wait for room. r.mu is held.
func (q *ring) writer(notice bool) sig.Listener {
	q.mu.Lock()
	defer q.mu.Unlock()
	epoch := q.epoch
	if notice {
		return func(e sig.Event) { q.write(slot{e, epoch}, false) }
	}
	return func(e sig.Event) { q.write(slot{e, epoch}, true) }
}

// write adds an event and wakes who waits for one.
func (q *ring) write(s slot, wait bool) {
	q.mu.Lock()
	if wait && q.full() {
		q.waitForRoom()
	}
	if len(q.readers) == 0 {
		q.mu.Unlock()
		return
	}
	if q.head-q.low == uint64(len(q.buf)) {
		q.resize(2 * len(q.buf))
	}
	q.buf[q.head&uint64(len(q.buf)-1)] = s
	q.head++
	rd := q.asleep
	if rd == nil || rd.next == nil {
		q.asleep = nil
		q.mu.Unlock()
		if rd != nil {
			rd.poke()
		}
		return
	}
	for ; rd != nil; rd = rd.next {
		rd.poke()
	}
	q.asleep = nil
	q.mu.Unlock()
}

func (q *ring) full() bool {
	return q.head-q.low >= q.limit && len(q.readers) > 0 && q.lifted == 0
}

// lift suspends the limit, with n of 1, and puts it back, with n of -1.
func (q *ring) lift(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lifted += n
	q.room.Broadcast()
}

// waitForRoom waits until there is room. Where that would be for ever, because the
// readers in turn wait for the calling goroutine, it lets the ring grow past its limit.
func (q *ring) waitForRoom() {
	for range 2 { // most often the readers need no more than a turn
		q.mu.Unlock()
		runtime.Gosched()
		q.mu.Lock()
		if !q.full() {
			return
		}
	}
	q.mu.Unlock()
	w, circle := q.r.blocking.enter(q)
	if circle {
		q.overflowed(w)
		q.mu.Lock()
		return
	}
	q.mu.Lock()
	q.blocked++
	for q.full() {
		q.room.Wait()
	}
	q.blocked--
	q.r.blocking.exit(w)
}

// overflowed counts an event beyond the limit, and says so at 1, 2, 4, 8 ...
func (q *ring) overflowed(w *worker) {
	if n := q.over.Add(1); n&(n-1) == 0 {
		q.r.log.Warn("a queued listener triggers what it waits for itself: the queue grows past its size",
			"sender", q.key.sender, "event", q.key.event, "size", q.key.size, "over", n, "listener", w.sub.place.String())
	}
}

// resize moves the events to another buffer. Readers that are reading from the old one
// may go on: nobody writes to it any more.
func (q *ring) resize(n int) {
	buf := make([]slot, n)
	for i := q.low; i < q.head; i++ {
		buf[i&uint64(n-1)] = q.buf[i&uint64(len(q.buf)-1)]
	}
	q.buf = buf
}

// advanced is called when the last of the slowest readers has gone on. It finds the
// next slowest, forgets the events all have read, and lets writers go on.
func (q *ring) advanced() {
	low, n := q.head, 0
	for _, rd := range q.readers {
		switch {
		case rd.pos < low:
			low, n = rd.pos, 1
		case rd.pos == low:
			n++
		}
	}
	for i := q.low; i < low; i++ {
		q.buf[i&uint64(len(q.buf)-1)] = slot{}
	}
	q.low, q.atLow = low, n
	if q.low == q.head && uint64(len(q.buf)) > max(2*q.limit, firstBuf) {
		q.buf = make([]slot, firstBuf) // it had grown past its limit
	}
	if q.blocked > 0 {
		q.room.Broadcast()
	}
}
