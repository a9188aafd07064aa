package carrier

import "errors"

// A directReader is a byte stream inside one process. Who writes at the other end may do the
// work of the goroutine that reads, while that one waits: waking it takes longer than a
// short message does.
type directReader interface {
	// Share has pull called in the goroutine that wrote, with what it wrote to be read, at a
	// time when the goroutine that reads is in Wait. What pull leaves is for that one.
	Share(pull func())
	// Wait returns when there is something to read or the stream is closed, and nobody is in
	// pull.
	Wait()
	// TryRead is Read of what is there, perhaps nothing.
	TryRead(b []byte) int
}

// share lets those who write at the other end read here.
func (p *Peer) share() {
	if d, ok := p.stream.rwc.(directReader); ok {
		p.stream.direct = d
		d.Share(p.pull)
	}
}

// errDry ends a pull.
var errDry = errors.New("nothing more to read")

// pull does what read does, with what is there. It does not begin where the handler could
// have to wait, since who wrote may hold up others.
func (p *Peer) pull() {
	s := p.stream
	if !p.Fast() || s.start < s.end || s.err != nil {
		return
	}
	if d, ok := p.engine.handler.(Drainer); ok && !d.Idle(p) {
		return
	}
	s.pulls, s.pulled = true, false
	for {
		err := p.next()
		if err != nil {
			if err != errDry {
				p.ended(err) // the goroutine that reads will find that there is no more
			}
			break
		}
		p.handle(p.msg)
		p.endFrame()
	}
	s.pulls = false
	p.endBatch()
}

// readDirect is the part of fill that reads, where others may.
func (s *Stream) readDirect() (int, error) {
	if !s.pulls {
		s.direct.Wait()
	}
	switch {
	case s.err != nil: // found by who pulled
		return 0, s.err
	case !s.makeRoom():
		return 0, ErrClosed
	case !s.pulls:
		return s.rwc.Read(s.buf[s.end:])
	}
	if s.pulled {
		return 0, errDry // what has come since is for the goroutine that reads
	}
	room := s.buf[s.end:]
	n := s.direct.TryRead(room)
	s.pulled = n < len(room)
	if n == 0 {
		return 0, errDry
	}
	return n, nil
}
