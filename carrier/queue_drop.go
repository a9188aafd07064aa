package carrier

import (
	"math"

	"github.com/sigrouter/sigrouter/sig"
)

// makeLineRoom applies the policy of the item's line. It reports whether the item is
// to be queued.
func (q *Queue) makeLineRoom(it *item) bool {
	l := it.to.line
	if l.Policy == sig.Latest {
		if pos, ok := l.last[it.route.plain()]; ok && pos >= q.sent && !q.items.at(pos).dead {
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
	l.oldest = max(l.oldest, q.sent)
	for q.items.at(l.oldest).line() != l {
		l.oldest++
	}
	if it := q.items.at(l.oldest); l.last[it.route.plain()] == l.oldest {
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
	it := q.items.at(pos)
	l := it.to.line
	l.waiting--
	l.bytes -= it.size()
	l.Dropped++
	q.dropped++
	q.waitBytes -= it.size() - itemOverhead
	if it.pins {
		q.unpin(it)
	}
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
	q.put(&item{route: it.route, to: it.to, gap: 1}, itemOverhead)
	l.gap = q.items.tail
}

// gapOf returns the line's notice that still waits, or nil.
func (q *Queue) gapOf(l *Line) *item {
	if l.gap <= q.sent {
		return nil
	}
	return q.items.at(l.gap - 1)
}

// sweep makes the queue smaller when most of what it has is dead. Positions go on from where
// they were: lines remember some of what was sent long ago.
func (q *Queue) sweep() {
	if q.dead <= ringKeep || q.dead <= q.items.len()/2 {
		return
	}
	old, sent := q.items, q.sent
	q.items = ring[item]{head: old.tail, tail: old.tail}
	q.sent, q.dead = old.tail, 0
	for pos := old.head; pos < old.tail; pos++ {
		it := old.at(pos)
		if it.dead {
			continue
		}
		q.items.push(it)
		if pos < sent {
			q.sent++
		} else if it.to != nil && it.to.line != nil {
			it.to.line.moved(it, q.items.tail-1)
		}
	}
	q.next = q.sent
	if q.again < q.last {
		q.next = q.items.head + q.again - q.done // of those in flight none is dead now
	}
}

// moved notes the new position of an item of the line that waits.
func (l *Line) moved(it *item, pos uint64) {
	switch {
	case it.gap > 0:
		l.gap = pos + 1
	case l.last != nil:
		l.last[it.route.plain()] = pos
	}
}
