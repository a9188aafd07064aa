package carrier

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/sig"
)

// A Queue holds the signals on their way to one peer: those that wait, and those that
// were sent and are not yet acknowledged. It outlives the connection when the session
// is resumed.
//
// Waiting signals have no number yet, so they can still be dropped; a signal gets its
// number when it is sent, and is kept until it is acknowledged. All are in one ring, first
// those in flight; what was dropped while it waited leaves a dead item, which has no number.
type Queue struct {
	some  atomic.Bool // there may be something to be sent; changed with mu held
	mu    sync.Mutex
	items ring[item]
	sent  uint64 // position of the first that waits
	next  uint64 // position of the next to be sent; below sent only after a cut
	last  uint64 // number of the last signal sent
	again uint64 // number of the last signal sent to this connection
	done  uint64 // number up to which all are acknowledged

	waitBytes, flightBytes int
	window, windowBytes    int
	soft                   int // bytes that the queue may have for long
	most                   int // bytes of a payload that the peer takes; 0: it has not said
	dead                   int // items that wait no more, having been dropped
	closed                 error
	room                   chan struct{} // closed when there is room again; nil: nobody waits
	acked                  uint64        // signals acknowledged
	dropped                uint64        // events dropped
	seen                   uint64        // number of the last signal that the janitor saw
	over                   int64         // engine clock when waitBytes passed the soft limit; 0: below
	global                 *gauge
	copier                 Copier // of what waits long
	charged                int    // bytes of waitBytes that are in global
	pinned                 int    // bytes of chunks that what waits keeps
	pins                   *chunk // the last of them; nil: none
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
	pins     bool // the first that waits of those in its chunk
}

// pinBytes is how much memory a slow peer may keep that payloads for others share. It may be
// more, but no more than what waits for the peer takes anyway.
const pinBytes = 256 << 10

// pin sees to it that the payload of an item that will wait can do so: where it is, or in
// memory that only this queue has.
func (q *Queue) pin(it *item) {
	if it.chunk == q.pins {
		return
	}
	if q.pinned+chunkSize > max(pinBytes, q.waitBytes) {
		q.keep(it)
		return
	}
	it.pins, q.pins = true, it.chunk
	q.pinned += chunkSize
}

// unpin takes back what pin noted of an item that waits no more.
func (q *Queue) unpin(it *item) {
	it.pins = false
	q.pinned -= chunkSize
	if q.pins == it.chunk {
		q.pins = nil
	}
}

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

// push adds a row of signals that differ in their data. It fails, for so many of them, when the
// queue is closed or a signal does not fit and its line does not say what to drop; the caller
// then closes the peer or waits.
func (q *Queue) push(it item, row []Payload, limit int) (failed int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range row {
		it.data, it.chunk, it.forms = row[i].Data, row[i].chunk, row[i].forms
		next := it // which a policy changes
		if e := q.pushLocked(&next, limit); e != nil {
			failed, err = failed+1, e
			it.release()
		}
	}
	return failed, err
}

var errQueueFull = sig.Errorf(sig.ErrSlow, "outbound queue full")

func (q *Queue) pushLocked(it *item, limit int) error {
	if q.closed != nil {
		return q.closed
	}
	if q.most > 0 && it.size()-itemOverhead > q.most {
		return q.tooLong(it)
	}
	if it.to != nil && it.to.line != nil {
		had, most := q.waitBytes, min(limit, q.soft)
		fits := q.makeLineRoom(it)
		if q.waitBytes < had { // it takes the place of another
			most = limit
		}
		if !fits || !q.makeByteRoom(it, most) {
			it.release()
			return nil
		}
	}
	if q.waitBytes+it.size() > limit && q.waitBytes > 0 {
		return errQueueFull
	}
	if it.chunk != nil {
		q.pin(it)
	}
	if it.to != nil && it.to.line != nil {
		it.to.line.takes(it, q.items.tail)
	}
	q.put(it, it.size())
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
	if q.waiting() > 0 {
		if g := q.items.at(q.items.tail - 1); g.gap > 0 && g.gap < math.MaxUint32 && !g.dead && g.to == it.to && g.route == it.route {
			g.gap++
			return nil
		}
	}
	q.put(&item{route: it.route, to: it.to, gap: 1}, itemOverhead)
	return nil
}

// put adds what waits, of so many bytes.
func (q *Queue) put(it *item, size int) {
	q.items.push(it)
	q.waitBytes += size
	if !q.some.Load() {
		q.some.Store(true)
	}
}

// waiting returns how many items wait, the dead ones among them.
func (q *Queue) waiting() int { return int(q.items.tail - q.sent) }

// inFlight returns how many signals were sent and are not acknowledged.
func (q *Queue) inFlight() int { return int(q.last - q.done) }

// take returns the next signal that may be sent, with its number. The item stays valid until
// it is acknowledged. A nil item: none may be sent now.
func (q *Queue) take() (*item, uint64) {
	for q.next < q.sent { // again, after a cut
		it := q.items.at(q.next)
		q.next++
		if !it.dead {
			q.again++
			return it, q.again
		}
	}
	for q.sent < q.items.tail {
		if q.inFlight() >= q.window || q.flightBytes >= q.windowBytes {
			return nil, 0
		}
		it := q.items.at(q.sent)
		q.sent++
		q.next = q.sent
		if it.dead {
			q.popDead()
			continue
		}
		size := it.size()
		q.waitBytes -= size
		if it.pins {
			q.unpin(it)
		}
		if l := it.line(); l != nil {
			l.waiting--
			l.bytes -= size
			if l.last != nil {
				delete(l.last, it.route.plain())
			}
		}
		q.flightBytes += size
		q.last++
		q.again = q.last
		return it, q.last
	}
	if q.charged > 0 {
		q.charge()
	}
	return nil, 0
}

// spent notes, after take, whether there is more. Called with the lock held.
func (q *Queue) spent() {
	if q.sent == q.items.tail && q.next >= q.sent {
		q.some.Store(false)
	}
}

// popDead forgets the dead items in front of those in flight.
func (q *Queue) popDead() {
	for q.items.head < q.sent && q.items.at(q.items.head).dead {
		q.items.pop()
		q.dead--
	}
}

// ack forgets all signals up to number n. It reports whether n is a number that was
// sent.
func (q *Queue) ack(n uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ackLocked(n)
}

func (q *Queue) ackLocked(n uint64) bool {
	if n > q.last {
		return false
	}
	var same *chunk // released once for all payloads in it
	count := int32(0)
	for q.done < n {
		it := q.items.at(q.items.head)
		if it.dead {
			q.popDead()
			continue
		}
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
		q.items.pop()
		q.done++
	}
	if same != nil {
		same.release(count)
	}
	q.popDead()
	q.next, q.again = max(q.next, q.items.head), max(q.again, n)
	q.wake()
	return true
}

// rewind makes take begin again with number n+1, all up to n being acknowledged. It
// returns false when it does not have them any more.
func (q *Queue) rewind(n uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n < q.done || !q.ackLocked(n) {
		return false
	}
	q.rewindLocked()
	return true
}

// rewindLocked makes take begin again with what is in flight.
func (q *Queue) rewindLocked() {
	q.next, q.again = q.items.head, q.done
	q.some.Store(true)
}

// resends reports whether something in flight is to be sent again.
func (q *Queue) resends() bool { return q.again < q.last }

// restart gives the signals in flight new numbers from 1, for a session that could not
// be resumed. It returns how many may reach the far side twice.
func (q *Queue) restart() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last, q.done = uint64(q.inFlight()), 0
	q.rewindLocked()
	return q.inFlight()
}

// Forget drops everything that is in flight or waits, for a peer that will not come
// back, and returns how many events that were.
func (q *Queue) Forget(err error) (lost int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = err
	for pos := q.items.head; pos < q.items.tail; pos++ {
		it := q.items.at(pos)
		if it.gap == 0 && !it.dead {
			lost++
		}
		it.release()
	}
	q.dropped += uint64(lost)
	q.items = ring[item]{head: q.items.tail, tail: q.items.tail}
	q.sent, q.next, q.dead = q.items.tail, q.items.tail, 0
	q.last, q.again, q.done = 0, 0, 0
	q.waitBytes, q.flightBytes = 0, 0
	q.pinned, q.pins = 0, nil
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
	return q.resends() || q.hasWaiting()
}

// hasWaiting reports whether a signal waits that was never sent.
func (q *Queue) hasWaiting() bool { return q.items.len() > q.dead+q.inFlight() }

// pending returns how many signals are in flight or wait.
func (q *Queue) pending() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.items.len() - q.dead
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
