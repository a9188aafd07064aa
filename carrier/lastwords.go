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
	if len(p.w.buf) == 0 {
		return nil
	}
	p.w.busy = true
	buf := p.w.buf
	p.w.buf = nil
	return buf
}
