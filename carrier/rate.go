package carrier

import "time"

// A rate bounds what a peer may send a second. It belongs to the goroutine that reads.
type rate struct {
	messages, bytes bucket
	seen            uint64 // bytes that were counted
}

// A bucket holds what may be taken at once: as much as a second brings. The zero bucket
// has no bound.
type bucket struct {
	perSecond float64
	missing   float64       // from a full bucket
	at        time.Duration // when that was so
}

// take reports whether anything is left, and if so takes n, be it more than is left.
func (b *bucket) take(now time.Duration, n float64) bool {
	b.missing = max(0, b.missing-b.perSecond*(now-b.at).Seconds())
	b.at = now
	if b.perSecond == 0 {
		return true
	}
	if b.missing > b.perSecond-min(1, b.perSecond) {
		return false
	}
	b.missing += n
	return true
}

func newRate(l *Limits) *rate {
	if l.MaxMessagesSecond <= 0 && l.MaxBytesSecond <= 0 {
		return nil
	}
	return &rate{
		messages: bucket{perSecond: float64(max(0, l.MaxMessagesSecond))},
		bytes:    bucket{perSecond: float64(max(0, l.MaxBytesSecond))},
	}
}

// TooFast counts a message of the peer against MaxMessagesSecond and MaxBytesSecond. The
// error says which of them it passes: refuse it. Call it once for each message, from
// Handler.Message.
func (p *Peer) TooFast() error {
	r := p.rate
	if r == nil {
		return nil
	}
	now, read := p.engine.now(), p.consumed()
	size := read - r.seen
	r.seen = read
	switch {
	case !r.messages.take(now, 1):
		return p.engine.Over("MaxMessagesSecond", "more than %d messages a second", p.engine.lim.MaxMessagesSecond)
	case !r.bytes.take(now, float64(size)):
		return p.engine.Over("MaxBytesSecond", "more than %d bytes a second", p.engine.lim.MaxBytesSecond)
	}
	return nil
}

// consumed returns how many bytes of the peer were read and handed out.
func (p *Peer) consumed() uint64 {
	if p.stream != nil {
		return p.stream.total - uint64(p.stream.end-p.stream.start)
	}
	return p.bytesIn
}
