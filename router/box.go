package router

import (
	"runtime"
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// A box is the queue of one listener that rather loses events than holds up who
// triggers.
type box struct {
	worker
	policy sig.Policy
	size   int
	onDrop func(sig.Drop)

	mu     sync.Mutex
	items  []item              // a ring: item i is at i modulo the length, a power of two
	head   uint64              // the item that has waited longest
	tail   uint64              // where the next goes
	lost   *sig.Drop           // what was dropped behind the last item; nil for nothing
	latest map[eventKey]uint64 // where the event of a name waits, for sig.Latest
	ending bool
	gone   bool
	calls  bool // a call may be under way
	asleep bool // push has to poke

	// Used by the goroutine alone.
	current item
	newest  sig.Event
}

// An item is an event that waits, and what was dropped just before it, most often
// nothing.
type item struct {
	event sig.Event
	lost  *sig.Drop
}

type eventKey struct{ sender, name string }

func newBox(s *subscription, cfg sig.ListenConfig) *box {
	b := &box{worker: newWorker(s, nil), policy: cfg.Policy, size: cfg.Queue, onDrop: cfg.OnDrop, items: make([]item, 8)}
	if b.policy == sig.Latest {
		b.latest = map[eventKey]uint64{}
	}
	return b
}

// push is what triggers call.
func (b *box) push(e sig.Event) {
	b.mu.Lock()
	if !b.gone && !b.replace(e) && b.makeRoom(e) {
		b.add(item{e, b.lost})
		b.lost = nil
	}
	asleep := b.asleep
	b.asleep = false
	b.mu.Unlock()
	if asleep {
		b.poke()
	}
}

// replace puts an event in the place of an older one of the same name.
func (b *box) replace(e sig.Event) bool {
	at, ok := b.latest[eventKey{e.Sender, e.Name}]
	if ok {
		it := b.item(at)
		b.drop(&it.lost, it.event, "a newer value came before this one was taken")
		it.event = e
	}
	return ok
}

// makeRoom reports whether the event is to be added.
func (b *box) makeRoom(e sig.Event) bool {
	if b.tail-b.head < uint64(b.size) {
		return true
	}
	const full = "the queue is full"
	if b.policy == sig.DropNewest {
		b.drop(&b.lost, e, full)
		return false
	}
	oldest := b.remove()
	b.drop(&oldest.lost, oldest.event, full)
	next := &b.lost
	if b.head < b.tail {
		next = &b.item(b.head).lost
	}
	*next = merged(oldest.lost, *next)
	return true
}

func (b *box) item(i uint64) *item { return &b.items[i&uint64(len(b.items)-1)] }

func (b *box) add(it item) {
	if n := uint64(len(b.items)); b.tail-b.head == n {
		items := make([]item, 2*n)
		for i := b.head; i < b.tail; i++ {
			items[i&(2*n-1)] = *b.item(i)
		}
		b.items = items
	}
	*b.item(b.tail) = it
	if b.latest != nil {
		b.latest[eventKey{it.event.Sender, it.event.Name}] = b.tail
	}
	b.tail++
}

// remove takes out the item that has waited longest.
func (b *box) remove() item {
	at := b.item(b.head)
	it := *at
	*at = item{}
	if b.latest != nil {
		delete(b.latest, eventKey{it.event.Sender, it.event.Name})
	}
	b.head++
	return it
}

// drop adds an event to what has been dropped at a place.
func (b *box) drop(at **sig.Drop, e sig.Event, reason string) {
	b.lose(1)
	if *at == nil {
		*at = &sig.Drop{Sender: e.Sender, Event: e.Name, Reason: reason}
	}
	addDrop(*at, e.Sender, e.Name, 1)
}

// addDrop counts events in a Drop.
func addDrop(d *sig.Drop, sender, event string, n uint64) {
	if d.Sender != sender || d.Event != event {
		d.Sender, d.Event = "", ""
	}
	d.Count += n
}

// merged returns one Drop for two that come next to each other.
func merged(a, b *sig.Drop) *sig.Drop {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	addDrop(a, b.Sender, b.Event, b.Count)
	return a
}

// expect puts retained values first, beside the size of the box.
func (b *box) expect(missed []sig.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range missed {
		b.add(item{event: e})
	}
}

func (b *box) start() { go b.run(b, func() bool { return b.read(nil, nil) }) }

func (b *box) consume(stop <-chan struct{}, fn func(sig.Event) bool) {
	b.begin()
	defer b.end()
	b.read(stop, fn)
}

func (b *box) last() sig.Event { return b.newest }

func (b *box) depth() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int(b.tail - b.head)
}

func (b *box) policyName() string { return policyName(b.policy) }

func (b *box) busy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}

func (b *box) finish() {
	b.mu.Lock()
	b.ending = true
	b.mu.Unlock()
	b.poke()
}

func (b *box) leave() {
	b.mu.Lock()
	if b.givenUp.Load() {
		b.lose(b.tail - b.head)
	}
	b.gone, b.items, b.head, b.tail = true, nil, 0, 0
	b.mu.Unlock()
	b.poke()
}

// read calls the listener, or fn if it is not nil, with one event after the other, and
// tells it of drops in their place. It returns false when there will be no more.
func (b *box) read(stop <-chan struct{}, fn func(sig.Event) bool) bool {
	for {
		if b.current.lost == nil && b.current.event.Origin == nil && !b.take(stop) {
			return false
		}
		if !b.mayCall() {
			return false
		}
		if lost := b.current.lost; lost != nil {
			b.current.lost = nil
			if b.onDrop != nil {
				b.newest = sig.Event{Origin: &sig.Origin{Sender: lost.Sender, Name: lost.Event}}
				b.onDrop(*lost)
			}
			continue
		}
		e := b.current.event
		b.current.event, b.newest = sig.Event{}, e
		if fn == nil {
			b.sub.fn(e)
		} else if !fn(e) {
			return false
		}
	}
}

// take waits for the next item. It returns false when there will be no more.
func (b *box) take(stop <-chan struct{}) bool {
	b.mu.Lock()
	yielded := false
	for {
		b.calls, b.asleep = true, false
		switch {
		case b.gone:
			b.mu.Unlock()
			return false
		case b.tail > b.head:
			b.current = b.remove()
			b.mu.Unlock()
			return true
		case b.lost != nil:
			b.current, b.lost = item{lost: b.lost}, nil
			b.mu.Unlock()
			return true
		case b.ending:
			b.mu.Unlock()
			return false
		}
		if yielded {
			b.calls, b.asleep = false, true
		}
		b.mu.Unlock()
		if !yielded { // most often who triggers needs no more than a turn
			yielded = true
			runtime.Gosched()
		} else if !b.sleep(stop) {
			return false
		}
		b.mu.Lock()
	}
}
