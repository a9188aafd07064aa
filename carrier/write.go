package carrier

import (
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// Sizes of the write buffers.
const (
	writeChunk = 64 << 10  // signals are put into the buffer up to about this much at a time
	keepBuffer = 160 << 10 // a larger buffer is not kept after it was written
)

// writer collects frames and has them written, by one goroutine at a time.
type writer struct {
	mu      sync.Mutex
	buf     []byte // frames that wait, beside the signals of the queue
	row     []byte // behind buf: binary frames to be packed
	spare   []byte // the buffer written last
	scratch []byte // one message, before it is framed
	busy    bool   // somebody is writing
	idle    chan struct{}
	told    uint64 // number of the signal last acknowledged
	out     uint64 // messages
	seen    uint64 // of these, as the janitor saw last
}

// begin returns the buffer to append one message to. Called with w.mu held; end
// follows.
func (p *Peer) begin() []byte {
	switch {
	case p.stream != nil && !p.paced():
		return p.w.buf
	case p.packs():
		return p.w.row
	}
	return p.w.scratch[:0]
}

// end ends the message that b has beyond what begin returned.
func (p *Peer) end(b []byte, kind frameKind, id uint64) {
	p.w.out++
	switch {
	case p.paced():
		p.w.scratch = b[:0]
		p.classic.add(append([]byte(nil), b...), kind, id)
	case p.stream != nil:
		if len(b) > len(p.w.buf) && b[len(p.w.buf)] == '{' {
			b = append(b, '\n')
		}
		p.w.buf = b
	case p.packs():
		p.endPacked(b)
	default:
		p.w.buf = p.appendFramed(p.w.buf, b)
		p.w.scratch = b[:0]
	}
}

// appendFramed frames a message for a Conn that is no stream. A Conn without framing
// of its own gets its frames one by one; in the buffer they carry their length.
func (p *Peer) appendFramed(dst, b []byte) []byte {
	if p.batch != nil {
		return p.batch.AppendFrame(dst, b, nil)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(b)))
	return append(dst, b...)
}

// paced reports whether frames go out one by one, with pauses.
func (p *Peer) paced() bool { return p.mode.Load() == modeClassic }

// full reports whether too much waits to be written, and then closes the peer. Called
// with w.mu held.
func (p *Peer) full() bool {
	if len(p.w.buf) <= p.engine.lim.QueueBytes {
		return false
	}
	p.TooSlow("more replies and calls wait than QueueBytes allows")
	p.w.buf, p.w.row = nil, nil
	return true
}

// Reply answers a call. data is JSON, or in a reply to a binary frame encoded with the peer's
// codec; nil means null. The reply is written with the next flush: follow with Touch or Kick.
func (p *Peer) Reply(id CallID, data []byte) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if id.bin {
		p.end(wire.AppendBinaryReply(p.begin(), id.num, data), frameReply, 0)
	} else {
		var raw [24]byte
		p.end(wire.AppendReply(p.begin(), id.raw(raw[:0]), data), frameReply, 0)
	}
	p.full()
}

// ReplyError answers a call with a failure.
func (p *Peer) ReplyError(id CallID, err error) {
	e := sig.AsError(err)
	p.Stats.Refused.Add(1)
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if id.bin {
		p.end(wire.AppendBinaryFailure(p.begin(), id.num, e), frameReply, 0)
	} else {
		p.end(wire.AppendFailure(p.begin(), id.raw(nil), e), frameReply, 0)
	}
	p.full()
}

// RefuseSignal tells the peer that its signal n was not dispatched.
func (p *Peer) RefuseSignal(n uint64, err error) {
	e := sig.AsError(err)
	p.Stats.Refused.Add(1)
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.end(wire.AppendRefused(p.begin(), n, e), frameReply, 0)
	p.full()
}

// Push puts signals on their way, a row with one payload each. It takes over one Hold of the
// payloads. It fails, for so many of them, when the peer is gone, and with sig.ErrSlow when
// they do not fit. What was pushed is written with the next flush: follow with Touch or Kick.
func (p *Peer) Push(r *Route, t *Target, row []Payload, retained bool) (failed int, err error) {
	return p.session.Load().Push(r, t, row, retained, p.engine.lim.QueueBytes)
}

// Push is Peer.Push while there may be no connection.
func (s *Session) Push(r *Route, t *Target, row []Payload, retained bool, limit int) (failed int, err error) {
	return s.Out.push(item{route: r, to: t, retained: retained}, row, limit)
}

// YieldAfter is how many signals wait before who goes on adding to them gives way: those who
// take them find them in the processor's cache then.
const YieldAfter = 256

// PushUp puts a signal to a server into the queue, of at most count signals that wait
// and limit bytes. When it is full it waits for room, until ctx ends, or if wait is
// false fails with sig.ErrSlow.
func (s *Session) PushUp(ctx context.Context, r *Route, data *Payload, limit, count int, wait bool) error {
	q := s.Out
	it := item{route: r, data: data.Data, chunk: data.chunk, forms: data.forms}
	for {
		q.mu.Lock()
		err := error(errQueueFull)
		if q.waiting() < count {
			err = q.pushLocked(&it, limit)
		}
		if err != errQueueFull || !wait {
			yield := q.waiting() > YieldAfter && q.items.tail%YieldAfter == 0
			q.mu.Unlock()
			if yield {
				runtime.Gosched()
			}
			return err
		}
		room := q.roomChan()
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// flush writes what waits, as far as that can be done without blocking; a goroutine
// does the rest. It returns at once when somebody is writing already: they will find
// what was added.
func (p *Peer) flush() {
	if p.dirty.Load() {
		p.dirty.Store(false)
	}
	p.w.mu.Lock()
	if p.w.busy {
		p.w.mu.Unlock()
		return
	}
	p.w.busy = true
	for rounds := 0; ; rounds++ {
		buf := p.collect()
		if len(buf) == 0 {
			p.stopWriting()
			return
		}
		p.w.mu.Unlock()
		n := 0
		if p.try != nil && rounds < 8 {
			var err error
			n, err = p.try.TrySendBatch(buf)
			if err != nil {
				p.writeFailed(err)
				return
			}
		}
		p.Stats.BytesOut.Add(uint64(n))
		if n < len(buf) {
			p.engine.wg.Go(func() { p.writeOn(buf, n) })
			return
		}
		p.w.mu.Lock()
		p.recycle(buf)
	}
}

// stopWriting ends a turn of writing. Called with w.mu held; it unlocks.
func (p *Peer) stopWriting() {
	p.w.busy = false
	if p.w.idle != nil {
		close(p.w.idle)
		p.w.idle = nil
	}
	p.w.mu.Unlock()
}

// writeOn writes the rest of buf, and what has come since, waiting for the peer to
// take it.
func (p *Peer) writeOn(buf []byte, n int) {
	for {
		if err := p.sendAll(buf[n:]); err != nil {
			p.writeFailed(err)
			return
		}
		p.Stats.BytesOut.Add(uint64(len(buf) - n))
		p.w.mu.Lock()
		p.recycle(buf)
		buf, n = p.collect(), 0
		if len(buf) == 0 {
			p.stopWriting()
			return
		}
		p.w.mu.Unlock()
	}
}

// sendAll writes frames, within the time limit.
func (p *Peer) sendAll(buf []byte) error {
	if d, ok := probe[WriteDeadliner](p.conn); ok {
		_ = d.SetWriteDeadline(time.Now().Add(p.engine.lim.WriteTimeout))
		defer func() { _ = d.SetWriteDeadline(time.Time{}) }()
	}
	return p.sendFrames(buf)
}

func (p *Peer) sendFrames(buf []byte) error {
	if p.batch != nil {
		return p.batch.SendBatch(buf)
	}
	for len(buf) > 4 {
		n := 4 + int(binary.BigEndian.Uint32(buf))
		if err := p.conn.Send(buf[4:n]); err != nil {
			return err
		}
		buf = buf[n:]
	}
	return nil
}

func (p *Peer) writeFailed(err error) {
	if errors.Is(err, sig.ErrSlow) {
		p.engine.overs.add("WriteTimeout")
	}
	p.Close(err)
	p.w.mu.Lock()
	p.w.buf, p.w.row, p.w.spare = nil, nil, nil
	p.stopWriting()
}

// recycle keeps a written buffer for the next turn. Called with w.mu held.
func (p *Peer) recycle(buf []byte) {
	if cap(buf) <= keepBuffer {
		p.w.spare = buf[:0]
	}
}

// collect returns everything that is to be written now, nothing when the peer is paced
// or the connection has failed. Called with w.mu held.
func (p *Peer) collect() []byte {
	if p.paced() {
		p.classic.wake()
		return nil
	}
	if p.failed() {
		return nil
	}
	p.appendAck()
	p.appendSignals()
	p.endRow()
	if len(p.w.buf) == 0 {
		return nil
	}
	buf := p.w.buf
	p.w.buf, p.w.spare = p.w.spare, nil
	return buf
}

func (p *Peer) appendAck() {
	if p.mode.Load() != modeFast {
		return
	}
	n := p.session.Load().done.Load()
	again := p.again.Swap(false)
	if n > p.w.told || again && n > 0 {
		p.w.told = n
		p.end(wire.AppendAck(p.begin(), n, p.binary.Load()), frameReply, 0)
	}
}

// appendSignals moves signals of the queue into the buffer, as far as the window and a
// bounded buffer allow.
func (p *Peer) appendSignals() {
	mode := p.mode.Load()
	if mode == modeNew || p.held.Load() {
		return
	}
	q := p.out()
	if !q.some.Load() {
		return
	}
	as := p.shape()
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.spent()
	if mode == modeFast && p.stream != nil {
		p.appendToStream(q, as)
		return
	}
	for len(p.w.buf) < writeChunk {
		it, n := q.take()
		if it == nil {
			return
		}
		p.appendSignal(it, n, mode, as)
	}
}

// appendToStream is the loop of appendSignals without the steps that a stream on the
// fast lane does not need.
func (p *Peer) appendToStream(q *Queue, as shape) {
	buf := p.w.buf
	for len(buf) < writeChunk {
		it, n := q.take()
		if it == nil {
			break
		}
		if need := it.size() + len(buf) + 512; need > cap(buf) {
			buf = slices.Grow(buf, max(need, min(2*cap(buf), writeChunk+writeChunk/8))-len(buf))
		}
		from := len(buf)
		buf = appendFast(buf, it, n, as)
		if buf[from] == '{' {
			buf = append(buf, '\n')
		}
		p.w.out++
	}
	p.w.buf = buf
}

// appendFast appends a signal or a gap as the fast lane has it.
func appendFast(b []byte, it *item, n uint64, as shape) []byte {
	if it.gap > 0 {
		return appendGap(b, it, n)
	}
	if as.binary && it.route.of == nil {
		data, ok := it.data, true
		if as.codec != nil || it.forms != nil {
			data, ok = it.in(as.codec)
		}
		if ok {
			if it.to != nil {
				return wire.AppendBinarySignalDown(b, n, flags(it), it.to.binary, it.route.binary, data)
			}
			return wire.AppendBinarySignalUp(b, n, it.route.binary, data)
		}
	}
	if it.to != nil {
		return wire.AppendSignal(b, n, it.to.text, it.route.info(it.retained), it.json())
	}
	return wire.AppendSignal(b, n, nil, it.route.info(false), it.json())
}

func (p *Peer) appendSignal(it *item, n uint64, mode int32, as shape) {
	b := p.begin()
	switch {
	case mode != modeLines:
		b = appendFast(b, it, n, as)
	case it.gap > 0:
		p.out().ackLocked(n) // a classic peer knows no such notice; it is in the counters
		return
	default:
		b = appendClassicSignal(b, it, p.calls.addSignal(n))
	}
	p.end(b, frameReply, 0)
}

func flags(it *item) byte {
	if it.retained {
		return 1
	}
	return 0
}

func appendGap(b []byte, it *item, n uint64) []byte {
	sender, event := "", ""
	if it.route != nil {
		sender, event = it.route.Sender, it.route.Event
	}
	return wire.AppendGap(b, n, it.to.IDs, sender, event, uint64(it.gap))
}

// appendClassicSignal writes a signal as a call with an id, for a peer that never said
// hello.
func appendClassicSignal(b []byte, it *item, id uint64) []byte {
	b = append(b, `{"id":`...)
	b = wire.AppendID(b, id)
	b = append(b, `,"method":"signal","params":{`...)
	if it.to != nil {
		b = append(b, `"listener_id":`...)
		b = wire.AppendID(b, uint64(it.to.IDs[0]))
		b = append(b, ',')
	}
	b = append(b, `"info":`...)
	b = append(b, it.route.plain().info(it.retained)...)
	b = append(b, `,"data":`...)
	if data := it.json(); len(data) == 0 {
		b = append(b, "null"...)
	} else {
		b = append(b, data...)
	}
	return append(b, "}}"...)
}

// Flush has what waits for the peer written: now if alone is set, which says that
// nobody else is about to add something, and otherwise soon, so that one write takes
// what others add. It does not block.
func (p *Peer) Flush(alone bool) {
	if p.gathers.Load() {
		return // the goroutine that reads does it
	}
	if alone {
		runtime.Gosched()
		p.flush()
	} else {
		p.Kick()
	}
}

// FlushReplies is Flush for a goroutine that has no more to add.
func (p *Peer) FlushReplies() { p.Flush(p.asking.Load() == 0) }

// Flushed waits until every signal was sent and acknowledged, until ctx ends or the
// connection does.
func (p *Peer) Flushed(ctx context.Context) {
	q := p.out()
	for {
		q.mu.Lock()
		if q.items.len() == q.dead {
			q.mu.Unlock()
			return
		}
		room := q.roomChan()
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return
		case <-p.gone:
			return
		}
	}
}
