package carrier

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// read is the goroutine that reads: it ends when the connection does, or when it was lent
// and is late.
func (p *Peer) read() {
	last := true
	defer func() {
		if last {
			p.engine.wg.Done()
		}
	}()
	for {
		err := p.next()
		if err == nil {
			p.handle(p.msg)
			p.endFrame()
		} else if err != errLent {
			p.ended(err)
			break
		}
		if p.loan.work != nil {
			last = false
			if !p.lent() {
				return
			}
			last = true
		}
	}
	p.mayLend = false
	p.endBatch()
	p.finish()
}

// next reads one message into p.msg. An error ends the connection.
func (p *Peer) next() error {
	for {
		sound, err := p.parseNext()
		if err == nil {
			p.in++
			return nil
		}
		if err == errDry || err == errLent {
			return err
		}
		if err = p.bad(sound, err); err != nil {
			return err
		}
		p.endFrame()
	}
}

// bad deals with what is no message. It is not part of next, whose frame is on the stack of each
// goroutine that waits for something to read.
func (p *Peer) bad(sound bool, err error) error {
	var bad *wire.Error
	if !errors.As(err, &bad) {
		return err
	}
	p.overMessage(bad)
	if p.message().Kind != wire.Reply { // an answer to a reply could pass for one
		p.ReplyError(textID(bad.ID), sig.Errorf(bad.Kind, "%s", bad.Text))
		p.Touch(p)
	}
	if !sound && !p.lines {
		return fmt.Errorf("bad input: %w", sig.Errorf(bad.Kind, "%s", bad.Text))
	}
	p.engine.log.Warn("bad message", "peer", p.String(), "err", bad.Text)
	return nil
}

// parseNext reads one message. After an error, sound reports that what follows the bad
// message can be understood.
func (p *Peer) parseNext() (sound bool, err error) {
	if p.stream != nil {
		return p.stream.recvMsg(p)
	}
	frame, err := p.conn.Recv()
	if err != nil {
		return false, err
	}
	p.bytesIn += uint64(len(frame))
	n, err := wire.Parse(frame, &p.lim, p.message())
	switch {
	case errors.Is(err, wire.ErrShort):
		return false, &wire.Error{Kind: sig.ErrMalformed, Text: "the message ends too early"}
	case err == nil && n < len(frame):
		return false, &wire.Error{Kind: sig.ErrMalformed, Text: "more than one message in a frame"}
	}
	return n > 0, err
}

// message returns what messages are parsed into. It is lent for a batch: most peers are
// idle, and it is of some size.
func (p *Peer) message() *wire.Msg {
	if p.msg == nil {
		m, ok := p.engine.msgs.Get().(*wire.Msg)
		if !ok {
			m = new(wire.Msg)
		}
		p.msg = m
		p.lim.OneLine, p.lim.Framed = p.oneLine.Load(), p.stream == nil
	}
	return p.msg
}

// Stays reports whether the bytes of a message stay as they are until the batch ends, and
// not only during Message.
func (p *Peer) Stays() bool { return p.stream != nil }

// endFrame ends the batch when no other frame is at hand. A stream does so itself.
func (p *Peer) endFrame() {
	if p.stream == nil && (p.buffered == nil || !p.buffered.Buffered()) {
		p.endBatch()
	}
}

// beforeRead ends the batch before a stream reads more. It reports false when the goroutine
// that reads has something else to do first.
func (p *Peer) beforeRead() bool {
	p.endBatch()
	return p.loan.work == nil
}

// endBatch is called when all that was read has been handled.
func (p *Peer) endBatch() {
	if now := p.engine.clock.Load(); p.heard.Load() != now {
		p.heard.Store(now)
	}
	if p.in > 0 {
		if p.stream != nil {
			p.bytesIn = p.stream.total
		}
		p.Stats.MessagesIn.Add(p.in)
		p.Stats.BytesIn.Store(p.bytesIn)
		p.in = 0
		if p.engine.batcher != nil {
			p.engine.batcher.BatchEnd(p)
		}
	}
	for i, t := range p.touched {
		p.touched[i] = nil
		t.flush()
	}
	p.touched = p.touched[:0]
	if p.gathers.Load() {
		p.gather()
	}
	if p.inBatch {
		p.inBatch = false
		p.handling.Store(false)
	}
	if p.msg != nil {
		p.msg.Forget()
		p.engine.msgs.Put(p.msg)
		p.msg = nil
	}
}

// gather lets those go on who got the replies of this batch: what they ask next takes one
// write.
func (p *Peer) gather() {
	runtime.Gosched()
	p.gathers.Store(false)
	p.flush()
}
