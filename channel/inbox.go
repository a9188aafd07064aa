package channel

import (
	"context"
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// A letter is a message that waits for its callback.
type letter struct {
	key     string            // messages with the same key replace one another under sig.Latest
	deliver func()            // decodes, and calls the callback
	lost    func(n uint64)    // reports that n before it were dropped
	counted func(delta int64) // counts the messages of its subscriber that wait
}

// defaultInbox is how many letters may wait unless an option says otherwise.
const defaultInbox = 1024

// An inbox is a bounded queue of letters between those who bring them and the one who
// takes them.
type inbox struct {
	size   int
	policy sig.Policy
	wake   chan struct{} // holds one when there may be a letter

	mu      sync.Mutex
	room    sync.Cond
	letters []letter
	drops   map[string]dropped // by the letters' keys; to be reported
	closed  bool
	done    chan struct{} // closed with it
}

// dropped counts letters that nobody was told of yet.
type dropped struct {
	n    uint64
	lost func(uint64)
}

func newInbox(size int, p sig.Policy) *inbox {
	if size < 1 {
		size = defaultInbox
	}
	if p == sig.PolicyDefault {
		p = sig.Block
	}
	b := &inbox{size: size, policy: p, wake: make(chan struct{}, 1), drops: map[string]dropped{}, done: make(chan struct{})}
	b.room.L = &b.mu
	return b
}

// put adds a letter. When there is no room the policy decides.
func (b *inbox) put(l letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.policy == sig.Latest && b.replace(l) {
		return
	}
	for b.policy == sig.Block && len(b.letters) >= b.size && !b.closed {
		b.room.Wait()
	}
	switch {
	case b.closed:
		return
	case len(b.letters) < b.size:
	case b.policy == sig.DropNewest:
		b.drop(l)
		return
	default:
		b.drop(b.letters[0])
		b.letters[0].counted(-1)
		b.letters = b.letters[1:]
	}
	l.counted(1)
	b.letters = append(b.letters, l)
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// replace puts the letter in the place of the one with the same key. b.mu is held.
func (b *inbox) replace(l letter) bool {
	for i := range b.letters {
		if b.letters[i].key == l.key {
			b.drop(b.letters[i])
			b.letters[i] = l
			return true
		}
	}
	return false
}

// drop notes that a letter was dropped. b.mu is held.
func (b *inbox) drop(l letter) {
	d := b.drops[l.key]
	b.drops[l.key] = dropped{d.n + 1, l.lost}
}

// next delivers one letter, when there is one before ctx or the inbox ends. It reports
// whether it did.
func (b *inbox) next(ctx context.Context) bool {
	for {
		l, drops, ok := b.take()
		for _, d := range drops {
			d.lost(d.n)
		}
		if ok {
			l.deliver()
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-b.done:
			return false
		case <-b.wake:
		}
	}
}

func (b *inbox) take() (l letter, drops map[string]dropped, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.drops) > 0 {
		drops, b.drops = b.drops, map[string]dropped{}
	}
	if len(b.letters) == 0 {
		return letter{}, drops, false
	}
	l, b.letters[0] = b.letters[0], letter{}
	b.letters = b.letters[1:]
	l.counted(-1)
	b.room.Signal()
	return l, drops, true
}

// close lets go of what waits, and of those who wait for room.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		close(b.done)
	}
	b.letters = nil
	b.room.Broadcast()
}
