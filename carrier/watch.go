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
		p.tooLate("LoginTimeout", "not logged in within %v", lim.LoginTimeout)
		return
	case p.stream != nil && p.stream.half.late(lim.MessageTimeout, lim.MessageRate):
		p.tooLate("MessageTimeout", "a message was begun and not finished within %v", lim.MessageTimeout)
		return
	case p.Fast() && silent > lim.DeadAfter:
		p.tooLate("DeadAfter", "silent for %v", silent.Round(time.Millisecond))
		return
	case p.Fast() && silent > lim.PingAfter-tick:
		p.ping(now)
	}
	if !p.takesAny(now) {
		return
	}
	p.sendAgain(now, false)
	p.calls.expire(now)
	p.checkSoft(now)
	p.tidy()
}

// takesAny finds out whether a peer whose window is full takes anything: what is written to one that
// does not read may lie with the system, where no write finds out. It is pinged first, as
// one that reads may just have nothing to say; of one that does not answer the session
// stays, since its line may be cut.
func (p *Peer) takesAny(now time.Duration) bool {
	lim := &p.engine.lim
	heard := time.Duration(p.heard.Load())
	switch {
	case !p.Fast() || p.handling.Load() || p.queuedBytes() == 0:
		p.stuck = 0
	case p.stuck == 0:
		p.stuck = max(heard, now-tick)
	case heard > p.stuck:
		p.stuck = heard
	case now-p.stuck > lim.WriteTimeout:
		p.tooLate("WriteTimeout", "too slow: took nothing of what waits for it for %v", lim.WriteTimeout)
		return false
	case now-p.stuck > lim.WriteTimeout/2-tick:
		p.ping(now)
	}
	return true
}

// tooLate closes a peer that has taken longer than a limit.
func (p *Peer) tooLate(limit, format string, args ...any) {
	p.engine.overs.add(limit)
	p.Close(sig.Errorf(sig.ErrTimeout, format+" ("+limit+")", args...))
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
	if n := q.last; n == q.seen { // nothing was sent since the last tick
		q.items.trim()
		q.copier.Close()
	} else {
		q.seen = n
	}
	over := q.over != 0 && now-time.Duration(q.over) > lim.QueueSoftTime
	q.mu.Unlock()
	if over {
		p.tooSlow("QueueSoftBytes", fmt.Sprintf("more than %d bytes waited for %v (QueueSoftBytes, QueueSoftTime)", lim.QueueSoftBytes, lim.QueueSoftTime))
	}
}

// tidy counts what was written, and gives back the buffers of a peer that gets nothing.
func (p *Peer) tidy() {
	p.classic.mu.Lock()
	out := p.classic.out
	p.classic.mu.Unlock()
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.Stats.MessagesOut.Store(p.w.out + out)
	if p.w.out == p.w.seen && !p.w.busy && len(p.w.buf)+len(p.w.row) == 0 {
		p.w.buf, p.w.row, p.w.spare, p.w.scratch = nil, nil, nil, nil
	}
	p.w.seen = p.w.out
}

// TooSlow closes a peer whose queue is full: more than QueueBytes wait.
func (p *Peer) TooSlow(why string) { p.tooSlow("QueueBytes", why) }

func (p *Peer) tooSlow(limit, why string) {
	if !p.failed() {
		p.engine.overs.add(limit)
	}
	p.Close(sig.Errorf(sig.ErrSlow, "too slow: %s", why))
}

func (p *Peer) queuedBytes() int {
	q := p.out()
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waitBytes
}

// pingCount bounds pings a second, by the engine's clock.
type pingCount struct {
	second int64
	n      int
}

func (c *pingCount) allow(clock int64, most int) bool {
	if s := clock / int64(time.Second); s != c.second {
		c.second, c.n = s, 0
	}
	c.n++
	return c.n <= most
}
