package carrier

import (
	"math"
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// A Queue holds the signals on their way to one peer: those that wait, and those that
// were sent and are not yet acknowledged. It outlives the connection when the session
// is resumed.
//
// Waiting signals have no number yet, so they can still be dropped; a signal gets its
// number when it is sent, and is kept until it is acknowledged.
type Queue struct {
	mu     sync.Mutex
	wait   ring[item]
	flight ring[item] // position p has the number p+1
	next   uint64     // position in flight to be sent next; below flight.tail only after a cut

	waitBytes, flightBytes int
	window, windowBytes    int
	soft                   int // bytes that the queue may have for long
	most                   int // bytes of a payload that the peer takes; 0: it has not said
	dead                   int // items in wait that were dropped
	closed                 error
	room                   chan struct{} // closed when there is room again; nil: nobody waits
	acked                  uint64        // signals acknowledged
	dropped                uint64        // events dropped
	seen                   uint64        // number of the last signal that the janitor saw
	over                   int64         // engine clock when waitBytes passed the soft limit; 0: below
	global                 *gauge
	copier                 Copier // of what waits long
	charged                int    // bytes of waitBytes that are in global
}

// item is one signal on its way. It has 64 bytes, as many as a cache line, and there are
// millions a second.
type item struct {
	route    *Route
	to       *Target // nil: up, to a server
	data     []byte
	chunk    *chunk // of data; see Payload
	forms    *forms // of data; see Payload
	gap      uint32 // not 0: no event but a notice that this many were dropped
	retained bool
	dead     bool
}

// pinBytes is how much may wait in memory that is shared with other payloads. What comes
// behind gets memory of its own, so that a slow peer does not keep what others had.
const pinBytes = 256 << 10

// keep moves the payload into memory that only this queue has.
func (q *Queue) keep(it *item) {
	own := q.copier.Copy(it.data)
	own.Hold(1)
	it.chunk.release(1)
	it.data, it.chunk = own.Data, own.chunk
}

// release lets the payload's memory go.
func (it *item) release() {
	Payload{Data: it.data, chunk: it.chunk}.Release()
	it.data, it.chunk, it.forms = nil, nil, nil
}

// itemOverhead is what a signal costs beside its payload, about.
const itemOverhead = 64

func (it *item) size() int {
	if it.forms != nil {
		return it.forms.size + itemOverhead
	}
	return len(it.data) + itemOverhead
}

// newQueue makes a queue with a window of signals and bytes.
func newQueue(l Limits) *Queue {
	return &Queue{window: l.Window, windowBytes: l.WindowBytes, soft: l.QueueSoftBytes}
}

// SetWindow narrows the window to what the peer asked for; zero changes nothing.
func (q *Queue) SetWindow(signals, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if signals > 0 {
		q.window = min(q.window, signals)
	}
	if bytes > 0 {
		q.windowBytes = min(q.windowBytes, bytes)
	}
}

// push adds a signal. It fails when the queue is closed or the signal does not fit and
// its line does not say what to drop; the caller then closes the peer or waits.
func (q *Queue) push(it item, limit int) error {
	q.mu.Lock()
	err := q.pushLocked(it, limit)
	q.mu.Unlock()
	if err != nil {
		it.release()
	}
	return err
}

var errQueueFull = sig.Errorf(sig.ErrSlow, "outbound queue full")

func (q *Queue) pushLocked(it item, limit int) error {
	if q.closed != nil {
		return q.closed
	}
	if q.most > 0 && it.size()-itemOverhead > q.most {
		return q.tooLong(&it)
	}
	if it.to != nil && it.to.line != nil {
		had, most := q.waitBytes, min(limit, q.soft)
		fits := q.makeLineRoom(&it)
		if q.waitBytes < had { // it takes the place of another
			most = limit
		}
		if !fits || !q.makeByteRoom(&it, most) {
			it.release()
			return nil
		}
	}
	if q.waitBytes+it.size() > limit && q.waitBytes > 0 {
		return errQueueFull
	}
	if it.chunk != nil && q.waitBytes > pinBytes {
		q.keep(&it)
	}
	if it.to != nil && it.to.line != nil {
		it.to.line.takes(&it, q.wait.tail)
	}
	q.wait.push(it)
	q.waitBytes += it.size()
	if q.waitBytes-q.charged > chargeStep {
		q.charge()
	}
	return nil
}

// tooLong is push for what the peer would not take. Of an event it is told, as of those that
// a policy drops.
func (q *Queue) tooLong(it *item) error {
	if it.to == nil {
		return sig.Errorf(sig.ErrLimit, "data of %d bytes is more than the other side takes, %d (MaxMessage)", it.size()-itemOverhead, q.most)
	}
	it.release()
	q.dropped++
	if q.wait.len() > 0 {
		if g := q.wait.at(q.wait.tail - 1); g.gap > 0 && g.gap < math.MaxUint32 && !g.dead && g.to == it.to && g.route == it.route {
			g.gap++
			return nil
		}
	}
	q.wait.push(item{route: it.route, to: it.to, gap: 1})
	q.waitBytes += itemOverhead
	return nil
}

// makeLineRoom applies the policy of the item's line. It reports whether the item is
// to be queued.
func (q *Queue) makeLineRoom(it *item) bool {
	l := it.to.line
	if l.Policy == sig.Latest {
		if pos, ok := l.last[it.route.plain()]; ok && pos >= q.wait.head && !q.wait.at(pos).dead {
			delete(l.last, it.route.plain())
			q.drop(pos)
		}
	} else if l.waiting >= l.Size {
		if l.Policy == sig.DropNewest {
			q.noteGap(it)
			return false
		}
		q.dropOldest(l)
	}
	return true
}

// makeByteRoom applies the policy of the item's line when the queue has too many bytes, so
// that a line with a policy is never why a peer is too slow. It reports whether the item is
// to be queued.
func (q *Queue) makeByteRoom(it *item, limit int) bool {
	l := it.to.line
	if l.Policy != sig.DropNewest && q.waitBytes-l.bytes+it.size() <= limit {
		for q.waitBytes+it.size() > limit && l.waiting > 0 {
			q.dropOldest(l)
		}
	}
	if q.waitBytes+it.size() <= limit || q.waitBytes == 0 {
		return true
	}
	q.noteGap(it)
	return false
}

// dropOldest drops the event of a line that has waited longest. There is one.
func (q *Queue) dropOldest(l *Line) {
	l.oldest = max(l.oldest, q.wait.head)
	for q.wait.at(l.oldest).line() != l {
		l.oldest++
	}
	if it := q.wait.at(l.oldest); l.last[it.route.plain()] == l.oldest {
		delete(l.last, it.route.plain())
	}
	q.drop(l.oldest)
}

// takes notes that an event of the line will wait at a position.
func (l *Line) takes(it *item, pos uint64) {
	l.waiting++
	l.bytes += it.size()
	switch l.Policy {
	case sig.Latest:
		if l.last == nil {
			l.last = map[*Route]uint64{}
		}
		l.last[it.route.plain()] = pos
	case sig.DropNewest:
		l.gap = 0 // the next notice has its place behind this event
	}
}

// line returns the line of an event that waits; nil for other items.
func (it *item) line() *Line {
	if it.dead || it.gap > 0 || it.to == nil {
		return nil
	}
	return it.to.line
}

// drop turns the event at a position of wait into a notice that it was dropped, which
// takes over the count of the line's earlier notice.
func (q *Queue) drop(pos uint64) {
	it := q.wait.at(pos)
	l := it.to.line
	l.waiting--
	l.bytes -= it.size()
	l.Dropped++
	q.dropped++
	q.waitBytes -= it.size() - itemOverhead
	it.release()
	it.gap = 1
	if g := q.gapOf(l); g != nil && g.gap < math.MaxUint32 {
		it.gap += g.gap
		if g.route.plain() != it.route.plain() {
			it.route = nil
		}
		g.dead = true
		q.waitBytes -= itemOverhead
		q.dead++
	}
	l.gap = pos + 1
	q.sweep()
}

// noteGap records that an item was not queued.
func (q *Queue) noteGap(it *item) {
	l := it.to.line
	l.Dropped++
	q.dropped++
	if g := q.gapOf(l); g != nil && g.gap < math.MaxUint32 {
		g.gap++
		if g.route.plain() != it.route.plain() {
			g.route = nil
		}
		return
	}
	q.wait.push(item{route: it.route, to: it.to, gap: 1})
	q.waitBytes += itemOverhead
	l.gap = q.wait.tail
}

// gapOf returns the line's notice that still waits, or nil.
func (q *Queue) gapOf(l *Line) *item {
	if l.gap == 0 || l.gap <= q.wait.head {
		return nil
	}
	return q.wait.at(l.gap - 1)
}

// sweep removes dropped items: those at the front at once, all when they are most.
func (q *Queue) sweep() {
	for q.wait.len() > 0 && q.wait.at(q.wait.head).dead {
		q.wait.pop()
		q.dead--
	}
	if q.dead <= ringKeep || q.dead <= q.wait.len()/2 {
		return
	}
	old := q.wait
	q.wait, q.dead = ring[item]{}, 0
	for pos := old.head; pos < old.tail; pos++ {
		it := *old.at(pos)
		if it.dead {
			continue
		}
		q.wait.push(it)
		if it.to == nil || it.to.line == nil {
			continue
		}
		l := it.to.line
		l.oldest = 0
		switch {
		case it.gap > 0:
			l.gap = q.wait.tail
		case l.last != nil:
			l.last[it.route.plain()] = q.wait.tail - 1
		}
	}
}

// take moves the next signal that may be sent out of wait, into flight, and returns it
// with its number. The item stays valid until it is acknowledged. A nil item: none may
// be sent now.
func (q *Queue) take() (*item, uint64) {
	if q.next < q.flight.tail { // again, after a cut
		it := q.flight.at(q.next)
		q.next++
		return it, q.next
	}
	for q.wait.len() > 0 {
		if q.flight.len() >= q.window || q.flightBytes >= q.windowBytes {
			return nil, 0
		}
		it := *q.wait.at(q.wait.head)
		q.wait.pop()
		if it.dead {
			q.dead--
			continue
		}
		q.waitBytes -= it.size()
		if l := it.line(); l != nil {
			l.waiting--
			l.bytes -= it.size()
			if l.last != nil {
				delete(l.last, it.route.plain())
			}
		}
		q.flightBytes += it.size()
		q.flight.push(it)
		q.next = q.flight.tail
		return q.flight.at(q.flight.tail - 1), q.flight.tail
	}
	if q.charged > 0 {
		q.charge()
	}
	return nil, 0
}

// ack forgets all signals up to number n. It reports whether n is a number that was
// sent.
func (q *Queue) ack(n uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ackLocked(n)
}

func (q *Queue) ackLocked(n uint64) bool {
	if n > q.flight.tail {
		return false
	}
	q.next = max(q.next, n)
	var same *chunk // released once for all payloads in it
	count := int32(0)
	for q.flight.head < n {
		it := q.flight.at(q.flight.head)
		q.flightBytes -= it.size()
		if it.gap == 0 {
			q.acked++
		}
		if it.chunk != same {
			if same != nil {
				same.release(count)
			}
			same, count = it.chunk, 0
		}
		count++
		q.flight.pop()
	}
	if same != nil {
		same.release(count)
	}
	q.wake()
	return true
}

// rewind makes take begin again with number n+1, all up to n being acknowledged. It
// returns false when it does not have them any more.
func (q *Queue) rewind(n uint64) bool {
	q.mu.Lock()
	if n < q.flight.head || n > q.flight.tail {
		q.mu.Unlock()
		return false
	}
	q.next = max(q.next, n)
	q.mu.Unlock()
	q.ack(n)
	q.mu.Lock()
	q.next = n
	q.mu.Unlock()
	return true
}

// restart gives the signals in flight new numbers from 1, for a session that could not
// be resumed. It returns how many may reach the far side twice.
func (q *Queue) restart() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	var again ring[item]
	for pos := q.flight.head; pos < q.flight.tail; pos++ {
		again.push(*q.flight.at(pos))
	}
	q.flight, q.next = again, 0
	return again.len()
}

// Forget drops everything that is in flight or waits, for a peer that will not come
// back, and returns how many events that were.
func (q *Queue) Forget(err error) (lost int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = err
	for pos := q.flight.head; pos < q.flight.tail; pos++ {
		it := q.flight.at(pos)
		if it.gap == 0 {
			lost++
		}
		it.release()
	}
	for pos := q.wait.head; pos < q.wait.tail; pos++ {
		it := q.wait.at(pos)
		if it.gap == 0 && !it.dead {
			lost++
		}
		it.release()
	}
	q.dropped += uint64(lost)
	q.wait, q.flight = ring[item]{}, ring[item]{}
	q.waitBytes, q.flightBytes, q.next = 0, 0, 0
	q.copier.Close()
	q.charge()
	q.wake()
	return lost
}

// loseLocked is ackLocked of the one signal n, which could not be sent.
func (q *Queue) loseLocked(n uint64) {
	q.ackLocked(n)
	q.acked--
	q.dropped++
}

// waits reports whether anything is to be sent, now or when the window opens.
func (q *Queue) waits() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next < q.flight.tail || q.wait.len() > q.dead
}

// pending returns how many signals are in flight or wait.
func (q *Queue) pending() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.flight.len() + q.wait.len() - q.dead
}

// wake tells those who wait for room. Called with the lock held.
func (q *Queue) wake() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

// roomChan returns a channel that is closed when there may be room. Called with the
// lock held.
func (q *Queue) roomChan() <-chan struct{} {
	if q.room == nil {
		q.room = make(chan struct{})
	}
	return q.room
}
