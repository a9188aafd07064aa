package carrier

import "sync"

// partials are the books of what peers keep of messages that were begun and are not whole.
// Only a buffer that is longer than maxReadBuffer is in them, and is entered when it grows or
// shrinks: small messages cost nothing.
type partials struct {
	mu    sync.Mutex
	of    map[*Peer]part
	total int64 // bytes of all parts
	turns uint64
}

// A part is what one peer keeps.
type part struct {
	bytes int
	since uint64 // turn when it came to be so much
	cut   bool   // it keeps nothing any more: it is being closed
}

// keep is called by the goroutine that reads for p, with the length that its buffer is going
// to have. It reports false when p has to do without, because it is closed. While all
// together are over the limit the peers that keep the most are closed.
func (e *Engine) keep(p *Peer, bytes int) bool {
	ok, worst := e.parts.set(p, bytes, int64(e.lim.PartialTotalBytes))
	for _, w := range worst {
		err := e.Over("PartialTotalBytes", "%d bytes of a message that is not whole, the most of all peers, which together are over %d", w.bytes, e.lim.PartialTotalBytes)
		w.peer.ReplyError(textID(nil), err)
		w.peer.Dismiss(err)
		if m, ok := probe[Metered](w.peer.conn); ok {
			m.StopRecv()
		}
	}
	return ok
}

// A hoarder is a peer that keeps the most.
type hoarder struct {
	peer  *Peer
	bytes int
}

// set enters how much a peer keeps, and strikes those that keep the most while all are over
// the limit.
func (b *partials) set(p *Peer, bytes int, limit int64) (ok bool, worst []hoarder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bytes <= maxReadBuffer {
		b.enter(p, 0)
		return true, nil
	}
	if b.of[p].cut || p.failed() {
		return false, nil
	}
	b.enter(p, bytes)
	for b.total > limit {
		w := b.worst()
		worst = append(worst, w)
		b.enter(w.peer, 0)
		b.of[w.peer] = part{cut: true}
	}
	return !b.of[p].cut, worst
}

// enter puts a peer's part in the books, or takes it out. Called with the lock held.
func (b *partials) enter(p *Peer, bytes int) {
	was := b.of[p]
	switch {
	case was.cut:
		return
	case bytes == 0:
		delete(b.of, p)
	default:
		if b.of == nil {
			b.of = map[*Peer]part{}
		}
		b.turns++
		b.of[p] = part{bytes: bytes, since: b.turns}
	}
	b.total += int64(bytes - was.bytes)
}

// worst returns the peer that keeps the most, of several the one that has done so for the
// longest: who just sends a long message will soon be done. Called with the lock held, when
// there is one.
func (b *partials) worst() hoarder {
	var w hoarder
	var since uint64
	for p, it := range b.of {
		if it.bytes > w.bytes || it.bytes == w.bytes && it.since < since {
			w, since = hoarder{p, it.bytes}, it.since
		}
	}
	return w
}

// drop takes a peer out that reads no more.
func (b *partials) drop(p *Peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.enter(p, 0)
	delete(b.of, p)
}

// PartialBytes returns how many bytes all peers keep of messages that are not whole, but for
// up to 64 KiB each.
func (e *Engine) PartialBytes() int64 {
	e.parts.mu.Lock()
	defer e.parts.mu.Unlock()
	return e.parts.total
}
