package carrier

import "time"

// When signals are sent again over a line that loses frames. The first pause is longer
// than the way to the peer and back, but for slow lines, where it doubles until it is.
const (
	resendFirst = time.Second
	resendMost  = 8 * time.Second
)

// What may be in flight over such a line: everything after a lost signal is sent again.
const (
	lossyWindow      = 64
	lossyWindowBytes = 16 << 10
)

// A resender says when signals in flight are to be sent again. The lock of the queue
// protects it.
type resender struct {
	head  uint64 // signals acknowledged when it looked last
	since time.Duration
	pause time.Duration
	asked bool // the peer has asked, with this head
}

// sendAgain sends the signals in flight again, over a line that may have lost one: when
// no acknowledgement has come for a time, or when the peer has acknowledged the same
// signal again, because the next it got was not the one after. It asks with each that it
// gets until the lost one comes; only the first counts. The peer ignores those it had. Over
// other lines nothing is lost.
func (p *Peer) sendAgain(now time.Duration, asked bool) {
	if !p.lossy || !p.Fast() {
		return
	}
	q, r := p.out(), &p.resend
	q.mu.Lock()
	again := false
	if q.inFlight() == 0 || q.done != r.head {
		*r = resender{head: q.done, since: now, pause: resendFirst}
	} else {
		switch {
		case asked && !r.asked:
			again, r.asked = true, true
		case q.resends(): // on their way again
			r.since = now
		case now-r.since >= r.pause:
			again = true
			r.pause = min(2*r.pause, resendMost)
		}
	}
	if again {
		q.rewindLocked()
		r.since = now
	}
	q.mu.Unlock()
	if again {
		p.Stats.Resent.Add(1)
		p.Kick()
	}
}
