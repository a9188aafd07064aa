package carrier

import (
	"fmt"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// check is called by the janitor.
func (p *Peer) check(now time.Duration) {
	lim := &p.engine.lim
	silent := now - time.Duration(p.heard.Load())
	switch {
	case p.failed():
		return
	case !p.trusted.Load() && now-p.since > lim.LoginTimeout:
		p.Close(sig.Errorf(sig.ErrTimeout, "not logged in within %v (LoginTimeout)", lim.LoginTimeout))
		return
	case p.stream != nil && p.stream.halfFor() > lim.MessageTimeout:
		p.Close(sig.Errorf(sig.ErrTimeout, "a message was begun and not finished within %v (MessageTimeout)", lim.MessageTimeout))
		return
	case p.Fast() && silent > lim.DeadAfter:
		p.Close(sig.Errorf(sig.ErrTimeout, "silent for %v (DeadAfter)", silent.Round(time.Millisecond)))
		return
	case p.Fast() && silent > lim.PingAfter-tick:
		p.ping(now)
	}
	p.calls.expire(now)
	p.classic.check(now)
	p.checkSoft(now)
}

// checkSoft closes a peer whose queue has been long for a time.
func (p *Peer) checkSoft(now time.Duration) {
	lim := &p.engine.lim
	q := p.out()
	q.mu.Lock()
	switch {
	case q.waitBytes < lim.QueueSoftBytes:
		q.over = 0
	case q.over == 0:
		q.over = int64(now)
	}
	over := q.over != 0 && now-time.Duration(q.over) > lim.QueueSoftTime
	q.mu.Unlock()
	if over {
		p.TooSlow(fmt.Sprintf("more than %d bytes waited for %v (QueueSoftBytes, QueueSoftTime)", lim.QueueSoftBytes, lim.QueueSoftTime))
	}
}

// TooSlow closes a peer that does not keep up.
func (p *Peer) TooSlow(why string) { p.Close(sig.Errorf(sig.ErrSlow, "too slow: %s", why)) }

func (p *Peer) queuedBytes() int {
	q := p.out()
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waitBytes
}
