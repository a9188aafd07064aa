package ws

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// Sizes of a feed's read buffer. It doubles when a read fills it and halves after two
// reads that did not need it, so an idle connection holds the least.
const (
	minReadBuffer = 1 << 10
	maxReadBuffer = 64 << 10
)

// A feed stands between the socket and the WebSocket library, which reads from and
// writes to it as if it were the socket. It
//
//   - hands out one frame at a time, so that whatever lies behind it stays here, where
//     Conn can see whether another whole message has arrived already;
//   - judges each frame by its header, before any of its payload is read: lengths,
//     number of fragments, number of control frames;
//   - passes the control frames that the library writes to the Conn, which must not have
//     them in the middle of frames of its own.
//
// During the handshake, which is until write is set, it writes to the socket, and prelude
// says how it reads. One goroutine at a time uses it.
type feed struct {
	net.Conn

	write   func(frame []byte) error // takes the library's control frames; nil: handshake
	prelude prelude
	stop    atomic.Bool   // nothing more is to be read
	max     atomic.Int64  // bytes of the longest message
	timeout time.Duration // for a message once begun
	rate    int           // bytes a second of one that takes longer
	pings   bucket

	buf   []byte // buf[r:w] was read and not handed out
	r, w  int
	short int // reads in a row that would have fit half the buffer

	left   int64 // payload of the current frame not handed out
	inMsg  bool  // a fragmented message has begun
	size   int64 // of the message so far
	frames int   // of the message so far

	timed bool // the message under way has a deadline
	since time.Time
	got   int  // bytes since then
	armed bool // the socket has a read deadline

	err error // why reading ended
}

// Read hands out the next bytes of the current frame, or the header of the next frame.
// It never goes on into another frame, so the library's own buffer is empty whenever it
// has finished one.
func (f *feed) Read(p []byte) (int, error) {
	n, err := f.next(p)
	if err != nil && f.err == nil {
		f.err = err
	}
	return n, err
}

func (f *feed) next(p []byte) (int, error) {
	switch {
	case f.err != nil:
		return 0, f.err
	case f.prelude != framed:
		return f.handshake(p)
	case f.left == 0:
		return f.header(p)
	}
	if int64(len(p)) > f.left {
		p = p[:f.left]
	}
	n, err := f.payload(p)
	f.left -= int64(n)
	f.endFrame()
	return n, err
}

// payload reads into p, which is no longer than what is left of the frame.
func (f *feed) payload(p []byte) (int, error) {
	if f.r == f.w {
		if len(p) >= minReadBuffer && len(p) >= len(f.buf)/2 {
			f.watch()
			n, err := f.read(p) // large: no way round through the buffer
			return n, f.explain(err)
		}
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.buf[f.r:f.w])
	f.r += n
	return n, nil
}

// header hands out the header of the next frame.
func (f *feed) header(p []byte) (int, error) {
	h, ok := parseHeader(f.buf[f.r:f.w])
	for !ok {
		if err := f.fill(); err != nil {
			return 0, err
		}
		h, ok = parseHeader(f.buf[f.r:f.w])
	}
	if err := f.judge(h); err != nil {
		return 0, err
	}
	n := copy(p, f.buf[f.r:f.r+h.size]) // the library's buffer is longer than any header
	f.r += n
	f.left = int64(h.length)
	f.endFrame()
	return n, nil
}

// judge checks what the library does not, or not soon enough.
func (f *feed) judge(h header) error {
	if h.length>>63 != 0 {
		return failure(closeProtocol, sig.Errorf(sig.ErrMalformed, "frame length with the top bit set"))
	}
	if h.control() {
		if h.op == opClose {
			if h.length == 1 {
				return failure(closeProtocol, sig.Errorf(sig.ErrMalformed, "close frame of one byte"))
			}
			return nil
		}
		if !f.pings.take() {
			return overLimit(closePolicy, "MaxPings", "more than %d pings and pongs a second", f.pings.rate)
		}
		return nil
	}
	if !f.inMsg {
		f.size, f.frames = 0, 0
	}
	most := f.max.Load()
	if h.length > uint64(max(most-f.size, 0)) {
		return overLimit(closeTooBig, "MaxMessage", "message longer than %d bytes", most)
	}
	f.size += int64(h.length)
	f.frames++
	if most := 64 + most/64; int64(f.frames) > most {
		return overLimit(closePolicy, "MaxFragments", "message in more than %d fragments", most)
	}
	f.inMsg = !h.fin
	return nil
}

// endFrame takes note when a frame has been handed out whole.
func (f *feed) endFrame() {
	if f.left == 0 && !f.inMsg {
		f.timed = false
	}
}

// begun reports whether part of a message, or of a frame, is here.
func (f *feed) begun() bool { return f.left > 0 || f.inMsg || f.r < f.w }

// buffered reports whether the next message is here whole. When it says no although it
// is, nothing is lost but a chance to save a write; and so that answers are not kept back
// when the connection is about to end, it does say no before a close frame.
func (f *feed) buffered() bool {
	b := f.buf[f.r:f.w]
	for range 16 {
		h, ok := parseHeader(b)
		switch {
		case !ok || h.op == opClose || h.length > uint64(len(b)-h.size):
			return false
		case h.fin && !h.control():
			return true
		}
		b = b[h.size+int(h.length):]
	}
	return false
}

// fill reads more from the socket, once.
func (f *feed) fill() error {
	f.watch()
	f.makeRoom()
	n, err := f.read(f.buf[f.w:])
	f.w += n
	switch {
	case f.w == len(f.buf) && len(f.buf) < maxReadBuffer:
		f.short = -1 // makeRoom doubles it
	case f.w < len(f.buf)/2 && f.short >= 0:
		f.short++
	case f.short > 0:
		f.short = 0
	}
	if n > 0 {
		return nil
	}
	return f.explain(err)
}

// makeRoom sees to space behind what is buffered, which is never more than part of a
// header.
func (f *feed) makeRoom() {
	size := len(f.buf)
	switch {
	case size == 0:
		size = minReadBuffer
	case f.short < 0:
		size *= 2
	case f.short >= 2 && size > minReadBuffer:
		size /= 2
	}
	rest := f.buf[f.r:f.w]
	if size != len(f.buf) && len(rest) <= size/2 {
		f.buf = make([]byte, size)
		f.short = 0
	}
	f.r, f.w = 0, copy(f.buf, rest)
}

// watch bounds how long a message may take once it has begun. It is called before
// each read from the socket.
func (f *feed) watch() {
	switch {
	case f.begun() && !f.timed:
		f.timed, f.armed = true, true
		f.since, f.got = time.Now(), f.w-f.r
		_ = f.Conn.SetReadDeadline(f.since.Add(f.timeout))
	case !f.begun() && f.armed:
		f.armed = false
		_ = f.Conn.SetReadDeadline(time.Time{})
	}
}

// read reads from the socket. At the deadline of a message it goes on when the message
// comes fast enough.
func (f *feed) read(p []byte) (int, error) {
	for {
		if f.stop.Load() { // behind every deadline that is set here
			return 0, carrier.ErrClosed
		}
		n, err := f.Conn.Read(p)
		f.got += n
		if n > 0 || f.stop.Load() || !f.timed || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		now := time.Now()
		if float64(f.got) < float64(f.rate)*now.Sub(f.since).Seconds() {
			return n, err
		}
		_ = f.Conn.SetReadDeadline(now.Add(time.Second))
	}
}

// explain gives the end of reading its name.
func (f *feed) explain(err error) error {
	switch {
	case err != nil && f.stop.Load():
		return carrier.ErrClosed
	case errors.Is(err, io.EOF) && f.begun():
		return io.ErrUnexpectedEOF
	case errors.Is(err, os.ErrDeadlineExceeded) && f.timed:
		return failure(closePolicy, sig.Errorf(sig.ErrTimeout, "a message was begun and not finished within %v (MessageTimeout)", f.timeout))
	}
	return err
}

// Write takes what the library writes: the handshake, then single control frames.
func (f *feed) Write(p []byte) (int, error) {
	if f.write == nil {
		return f.Conn.Write(p)
	}
	if err := f.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// SetWriteDeadline is the library's, which has no say once frames are exchanged.
func (f *feed) SetWriteDeadline(t time.Time) error {
	if f.write == nil {
		return f.Conn.SetWriteDeadline(t)
	}
	return nil
}

// A bucket bounds how often something may happen: rate times a second, in bursts of
// three times as many.
type bucket struct {
	rate int
	left float64
	last time.Time
}

func (b *bucket) take() bool {
	now := time.Now()
	most := float64(3 * b.rate)
	b.left = min(most, b.left+now.Sub(b.last).Seconds()*float64(b.rate))
	b.last = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
