package router

import (
	"runtime"
	"slices"

	"github.com/sigrouter/sigrouter/sig"
)

// A reader is one listener of a ring.
type reader struct {
	worker
	ring   *ring
	joined uint64  // the epoch it began
	next   *reader // among those asleep

	// Guarded by the ring's lock; batch is changed by the reader's goroutine alone.
	pos     uint64
	batch   []slot // being read, in place
	claimed uint64 // of the ring by the batch
	ending  bool   // ends when there is nothing to read
	gone    bool

	done int // of the batch; used by the reader's goroutine alone
}

// expect makes the retained values the first batch.
func (rd *reader) expect(missed []sig.Event) {
	for _, e := range missed {
		rd.batch = append(rd.batch, slot{e, rd.joined})
	}
}

func (rd *reader) start() { go rd.run(rd, func() bool { return rd.read(nil, nil) }) }

func (rd *reader) consume(stop <-chan struct{}, fn func(sig.Event) bool) {
	rd.begin()
	defer rd.end()
	rd.read(stop, fn)
}

// last returns the event of the newest call.
func (rd *reader) last() sig.Event { return rd.batch[rd.done-1].event }

// depth counts all of the batch but one, since how much of it is done only the reader's
// goroutine knows.
func (rd *reader) depth() int {
	rd.ring.mu.Lock()
	defer rd.ring.mu.Unlock()
	return int(rd.ring.head - rd.pos - min(rd.claimed, 1))
}

func (rd *reader) policyName() string { return "block" }

func (rd *reader) busy() bool {
	rd.ring.mu.Lock()
	defer rd.ring.mu.Unlock()
	return rd.batch != nil
}

func (rd *reader) finish() {
	rd.ring.mu.Lock()
	rd.ending = true
	rd.ring.mu.Unlock()
	rd.poke()
}

// leave ends the reader. It may be reading a batch for as long as its listener likes:
// it is left the buffer, so that it holds up nobody.
func (rd *reader) leave() {
	q := rd.ring
	q.mu.Lock()
	defer q.mu.Unlock()
	if rd.gone {
		return
	}
	rd.gone = true
	if rd.givenUp.Load() { // the rest of the batch follows when its call returns
		rd.lose(q.head - rd.pos - rd.claimed)
	}
	if rd.batch != nil {
		q.resize(len(q.buf))
	}
	q.readers = slices.DeleteFunc(q.readers, func(o *reader) bool { return o == rd })
	if rd.pos == q.low {
		if q.atLow--; q.atLow == 0 {
			q.advanced()
		}
	}
	if len(q.readers) == 0 {
		delete(q.r.rings, q.key)
		q.room.Broadcast()
	}
	rd.poke()
}

// read calls the listener, or fn if it is not nil, with one event after the other. It
// returns false when there will be no more.
func (rd *reader) read(stop <-chan struct{}, fn func(sig.Event) bool) bool {
	call, ended := rd.sub.fn, false
	if fn != nil {
		call = func(e sig.Event) { ended = !fn(e) }
	}
	for {
		for rd.done < len(rd.batch) {
			s := &rd.batch[rd.done]
			rd.done++
			if rd.sub.state.Load() != 0 && !rd.mayCall() {
				rd.leftOver()
				return false
			}
			if s.epoch < rd.joined {
				continue
			}
			if call(s.event); ended {
				return false
			}
		}
		if !rd.take(stop) {
			return false
		}
	}
}

// leftOver counts the rest of the batch, from the event that was not handed over on.
func (rd *reader) leftOver() {
	if rd.givenUp.Load() {
		rd.lose(uint64(len(rd.batch) - rd.done + 1))
	}
}

// take waits for events and takes as many as are next to each other in the buffer. It
// returns false when there will be no more.
func (rd *reader) take(stop <-chan struct{}) bool {
	q := rd.ring
	q.mu.Lock()
	rd.advance(rd.claimed)
	rd.batch, rd.done, rd.claimed = nil, 0, 0
	yielded := false
	for {
		n := q.head - rd.pos
		switch {
		case rd.gone:
			q.mu.Unlock()
			return false
		case n > 0:
			at := rd.pos & uint64(len(q.buf)-1)
			n = min(n, uint64(len(q.buf))-at, max(1, q.limit/2))
			if q.limit <= singly+1 {
				n = 1
			}
			rd.batch, rd.claimed = q.buf[at:at+n], n
			q.mu.Unlock()
			return true
		case rd.ending:
			q.mu.Unlock()
			return false
		}
		if !yielded { // most often who triggers needs no more than a turn
			yielded = true
			q.mu.Unlock()
			runtime.Gosched()
			q.mu.Lock()
			continue
		}
		rd.next, q.asleep = q.asleep, rd
		q.mu.Unlock()
		if !rd.sleep(stop) {
			return false
		}
		q.mu.Lock()
		q.unsleep(rd)
	}
}

// unsleep takes a reader that something else has woken out of those asleep.
func (q *ring) unsleep(rd *reader) {
	for at := &q.asleep; *at != nil; at = &(*at).next {
		if *at == rd {
			*at = rd.next
			return
		}
	}
}

// advance moves the reader's place. The ring's lock is held.
func (rd *reader) advance(n uint64) {
	if rd.gone || n == 0 {
		return
	}
	q := rd.ring
	slowest := rd.pos == q.low
	rd.pos += n
	if slowest {
		if q.atLow--; q.atLow == 0 {
			q.advanced()
		}
	}
}
