package component

import (
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// defaultQueue is how many messages may wait unless an option says otherwise.
const defaultQueue = 1024

// An inbox is the bounded queue between the listeners, which never wait, and Receive.
type inbox struct {
	size   int
	policy sig.Policy
	wake   chan struct{} // holds one when there may be a message
	done   chan struct{} // closed with the inbox

	mu      sync.Mutex
	ring    []Message // grows up to size
	head, n int
	fresh   uint64 // dropped, and not reported yet
	dropped uint64
	closed  bool
}

func newInbox(size int, p sig.Policy) *inbox {
	if size < 1 {
		size = defaultQueue
	}
	return &inbox{size: size, policy: p, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// put adds a message. When there is no room the policy decides.
func (b *inbox) put(m Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return
	case b.policy == sig.Latest && b.replace(m):
		return
	case b.n < b.size:
	case b.policy == sig.DropNewest:
		b.drop(1)
		return
	default:
		b.ring[b.head] = Message{}
		b.head = (b.head + 1) % len(b.ring)
		b.n--
		b.drop(1)
	}
	if b.n == len(b.ring) {
		b.grow()
	}
	b.ring[(b.head+b.n)%len(b.ring)] = m
	b.n++
	b.poke()
}

// grow makes room for more. b.mu is held.
func (b *inbox) grow() {
	larger := make([]Message, min(max(16, 2*len(b.ring)), b.size))
	copied := copy(larger, b.ring[b.head:])
	copy(larger[copied:], b.ring[:b.head])
	b.ring, b.head = larger, 0
}

// replace puts the message in the place of the one before it from the same sender with the
// same topic. b.mu is held.
func (b *inbox) replace(m Message) bool {
	for i := range b.n {
		old := &b.ring[(b.head+i)%len(b.ring)]
		if old.Topic == m.Topic && old.From == m.From && old.Backplane == m.Backplane {
			*old = m
			b.drop(1)
			return true
		}
	}
	return false
}

// drop counts messages. b.mu is held.
func (b *inbox) drop(n uint64) {
	b.dropped += n
	b.fresh += n
	b.poke()
}

// missed counts messages that were dropped on their way.
func (b *inbox) missed(n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(n)
}

func (b *inbox) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take returns the next message, if there is one, and how many were dropped since the last
// take.
func (b *inbox) take() (m Message, dropped uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	dropped, b.fresh = b.fresh, 0
	if b.n == 0 || b.closed {
		return Message{}, dropped, false
	}
	m, b.ring[b.head] = b.ring[b.head], Message{}
	b.head = (b.head + 1) % len(b.ring)
	if b.n--; b.n > 0 {
		b.poke() // for another Receive
	}
	return m, dropped, true
}

func (b *inbox) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}

func (b *inbox) lost() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

func (b *inbox) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// close lets go of what waits.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		close(b.done)
	}
	b.ring, b.n = nil, 0
}
