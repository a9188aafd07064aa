package carrier

import "time"

// How long the end of a connection waits: for somebody who is writing to be done, and to
// write what is left.
const (
	lastTurn  = 100 * time.Millisecond
	lastWrite = time.Second
)

// lastWords writes what waits, for a moment at most, before the connection is closed.
func (p *Peer) lastWords() {
	if p.paced() {
		p.classic.lastWords()
		return
	}
	buf := p.takeLast()
	if len(buf) == 0 {
		return
	}
	if d, ok := probe[WriteDeadliner](p.conn); ok {
		_ = d.SetWriteDeadline(time.Now().Add(lastWrite))
	}
	_ = p.sendFrames(buf) // it is the end in any case
	p.w.mu.Lock()
	p.stopWriting()
}

// takeLast takes what is left to be written, and the turn to write it; nil when somebody
// else does not give up the turn.
func (p *Peer) takeLast() []byte {
	t := time.NewTimer(lastTurn)
	defer t.Stop()
	p.w.mu.Lock()
	for p.w.busy {
		if p.w.idle == nil {
			p.w.idle = make(chan struct{})
		}
		idle := p.w.idle
		p.w.mu.Unlock()
		select {
		case <-idle:
		case <-t.C:
			return nil
		}
		p.w.mu.Lock()
	}
	defer p.w.mu.Unlock()
	p.endRow()
	if len(p.w.buf) == 0 {
		return nil
	}
	p.w.busy = true
	buf := p.w.buf
	p.w.buf = nil
	return buf
}

// lastWords writes the replies that a classic peer has not had, for a moment at most, each as
// the others were.
func (c *classicWriter) lastWords() {
	c.stop()
	if !c.ended(lastTurn) {
		return
	}
	if d, ok := probe[WriteDeadliner](c.peer.conn); ok {
		_ = d.SetWriteDeadline(time.Now().Add(lastWrite))
	}
	c.mu.Lock()
	left := c.replies
	c.replies = nil
	c.mu.Unlock()
	gap := c.peer.engine.lim.ClassicGap
	for end := time.Now().Add(lastWrite); len(left) > 0 && time.Now().Before(end); left = left[1:] {
		if !c.filled() {
			time.Sleep(gap) // the last write may have been a moment ago
		}
		if c.peer.sendFrames(c.framed(left[0])) != nil {
			return // it is the end in any case
		}
	}
}

// ended waits until the goroutine has ended, which stop asked it to. It reports false when
// that takes too long.
func (c *classicWriter) ended(patience time.Duration) bool {
	c.mu.Lock()
	if !c.running {
		c.mu.Unlock()
		return true
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	idle := c.idle
	c.mu.Unlock()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-idle:
		return true
	case <-t.C:
		return false
	}
}
