package carrier

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sigrouter/sigrouter/internal/trywrite"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// Sizes of a stream's read buffer. It doubles when a read fills it and halves after
// two reads that did not need it, so an idle connection holds the least. A longer one is
// kept only while part of a message is in it.
const (
	minReadBuffer = 512
	maxReadBuffer = 64 << 10
)

// NewStream makes a Conn of a byte stream, a socket or a pipe: JSON objects follow one
// another with or without white space between them, and binary frames carry their
// length, as docs/protocol.md says. At the first byte that cannot belong to a frame
// Recv fails with an error that matches sig.ErrMalformed, and goes on failing.
//
// A stream that is a syscall.Conn, or has a method TryWrite that writes without
// blocking, can be written to from goroutines that read. One within a process, whose methods
// Share, Wait and TryRead let those who write at one end read at the other, saves the goroutine that
// reads being woken; see carrier/local. Deadlines are used when the stream has them.
func NewStream(rwc io.ReadWriteCloser, info Info) Conn {
	s := &Stream{rwc: rwc, info: info}
	s.half.born = time.Now()
	s.max.Store(1 << 20)
	if w, ok := rwc.(tryWriter); ok {
		return &tryStream{Stream: s, w: w}
	}
	if c, ok := rwc.(syscall.Conn); ok {
		if w := trywrite.New(c); w != nil {
			return &tryStream{Stream: s, w: w}
		}
	}
	return s
}

// A tryWriter writes what can be taken at once, perhaps nothing.
type tryWriter interface {
	TryWrite(b []byte) (n int, err error)
}

// A Stream is the Conn that NewStream makes.
type Stream struct {
	rwc  io.ReadWriteCloser
	info Info
	max  atomic.Int64 // bytes of the longest frame
	half half
	idle func() bool          // called before each read, for the Engine: false puts it off; may be nil
	keep func(bytes int) bool // see Metered; may be nil
	stop atomic.Bool          // StopRecv was called
	long *longBuffers         // may be nil

	direct directReader // the byte stream, when others may read; nil: they may not
	pulls  bool         // one of them reads
	pulled bool         // and has read what there was

	buf        []byte // buf[start:end] is read and not yet handed out
	start, end int
	total      uint64         // bytes read
	short      int            // reads in a row that would have fit half the buffer
	split      *wire.Splitter // made for the first frame that comes in part
	err        error
	closed     atomic.Bool
}

type tryStream struct {
	*Stream
	w tryWriter
}

// TrySendBatch writes without blocking.
func (s *tryStream) TrySendBatch(b []byte) (int, error) {
	n, err := s.w.TryWrite(b)
	return n, s.explain(err)
}

// Send writes one frame.
func (s *Stream) Send(frame []byte) error {
	return s.SendBatch(s.AppendFrame(make([]byte, 0, len(frame)+1), frame, nil))
}

// AppendFrame appends a frame and, after a JSON object, a line break.
func (s *Stream) AppendFrame(dst, head, body []byte) []byte {
	dst = append(append(dst, head...), body...)
	if len(head) > 0 && head[0] == '{' {
		dst = append(dst, '\n')
	}
	return dst
}

// SendBatch writes frames.
func (s *Stream) SendBatch(b []byte) error {
	n, err := s.rwc.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return s.explain(err)
}

// Recv returns the next frame.
func (s *Stream) Recv() ([]byte, error) {
	for {
		if s.skipSpace() {
			end, err := s.splitter().Scan(s.buf[s.start:s.end], int(s.max.Load()))
			if err != nil {
				return nil, s.fail(err)
			}
			if end > 0 {
				s.split.Reset()
				frame := s.buf[s.start : s.start+end]
				s.start += end
				return frame, nil
			}
		}
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}

// recvMsg is Recv and wire.Parse in one pass over the bytes, for a peer's next message.
// After an error, sound reports that the bad message was passed over, and what follows
// can be read.
func (s *Stream) recvMsg(p *Peer) (sound bool, err error) {
	lim := &p.lim
	for {
		if s.skipSpace() {
			n, err := wire.Parse(s.buf[s.start:s.end], lim, p.message())
			s.start += n
			switch {
			case err == nil || n > 0:
				return true, err
			case !errors.Is(err, wire.ErrShort):
				return false, s.fail(s.suspect(err))
			}
			if err := s.fillFrame(lim.MaxMessage); err != nil {
				return false, err
			}
			continue
		}
		if err := s.fill(); err != nil {
			return false, err
		}
	}
}

// suspect says what the other end seems to be when the first it sends is no message.
func (s *Stream) suspect(err error) error {
	web := map[string]string{"tcp": "ws", "tls": "wss"}[s.info.Carrier]
	if web == "" || s.total != uint64(s.end) || s.start != 0 || !bytes.HasPrefix(s.buf[:s.end], []byte("HTTP/")) {
		return err
	}
	line, _, _ := bytes.Cut(s.buf[:min(s.end, 60)], []byte("\r\n"))
	return sig.Errorf(sig.ErrMalformed, "a web server answers here (%+q); a Sig router has its WebSocket there, try %s://%s/sig", line, web, s.info.Remote)
}

// fillFrame reads until the frame that has begun is whole, without looking at any
// byte of it twice.
func (s *Stream) fillFrame(max int) error {
	s.splitter().Reset()
	for {
		end, err := s.split.Scan(s.buf[s.start:s.end], max)
		if err != nil {
			return s.fail(err)
		}
		if end > 0 {
			s.split.Reset()
			return nil
		}
		if err := s.fill(); err != nil {
			return err
		}
	}
}

func (s *Stream) splitter() *wire.Splitter {
	if s.split == nil {
		s.split = new(wire.Splitter)
	}
	return s.split
}

// skipSpace reports whether anything but white space is buffered.
func (s *Stream) skipSpace() bool {
	for s.start < s.end {
		switch s.buf[s.start] {
		case ' ', '\t', '\r', '\n':
			s.start++
		default:
			return true
		}
	}
	return false
}

// fill reads more.
func (s *Stream) fill() error {
	if s.err != nil {
		return s.err
	}
	if s.idle != nil && !s.idle() {
		return errLent
	}
	if s.stop.Load() {
		s.letGo()
		return s.fail(ErrClosed)
	}
	s.half.note(s.total, s.end-s.start)
	n, err := 0, ErrClosed
	switch {
	case s.direct != nil:
		if n, err = s.readDirect(); err == errDry {
			return err
		}
	case s.makeRoom():
		n, err = s.rwc.Read(s.buf[s.end:])
	}
	s.resize(n)
	s.end += n
	s.total += uint64(n)
	if n > 0 {
		return nil
	}
	switch {
	case err == nil:
		return nil
	case s.stop.Load(), err == ErrClosed:
		s.letGo()
		err = ErrClosed
	case errors.Is(err, io.EOF) && s.start < s.end:
		err = fmt.Errorf("connection closed in the middle of a message: %w", io.ErrUnexpectedEOF)
	}
	return s.fail(err)
}

// makeRoom moves what is buffered to the front and sees that there is space behind it. It
// reports false when there must be no more.
func (s *Stream) makeRoom() bool {
	switch {
	case s.buf == nil:
		s.buf = make([]byte, minReadBuffer)
	case s.start == s.end:
		s.start, s.end = 0, 0
		s.shrink()
	case s.end < len(s.buf) && s.start == 0:
	case s.start > 0 && s.end-s.start <= len(s.buf)/2:
		s.end = copy(s.buf, s.buf[s.start:s.end])
		s.start = 0
	case s.end == len(s.buf):
		return s.grow(max(2*(s.end-s.start), minReadBuffer))
	}
	return true
}

// grow sees to a buffer of at least so many bytes, with what is buffered at its front.
func (s *Stream) grow(size int) bool {
	var grown []byte
	if size <= maxReadBuffer {
		grown = make([]byte, size)
	} else {
		_, size = longClass(size)
		if s.keep != nil && !s.keep(size) {
			return false
		}
		grown = s.long.get(size)
	}
	n := copy(grown, s.buf[s.start:s.end])
	s.long.put(s.buf)
	s.buf, s.start, s.end = grown, 0, n
	return true
}

// letGo gives back a buffer that nothing is in, or that is not to be read.
func (s *Stream) letGo() {
	if len(s.buf) > maxReadBuffer && s.keep != nil {
		s.keep(0)
	}
	s.long.put(s.buf)
	s.buf, s.start, s.end = nil, 0, 0
}

// resize notes how much of the buffer a read of n bytes used.
func (s *Stream) resize(n int) {
	switch {
	case s.end+n == len(s.buf) && len(s.buf) < maxReadBuffer:
		grown := make([]byte, min(2*len(s.buf), maxReadBuffer))
		copy(grown, s.buf[:s.end+n])
		s.buf = grown
		s.short = 0
	case s.end+n < len(s.buf)/2:
		s.short++
	default:
		s.short = 0
	}
}

// shrink halves an empty buffer that was too large twice in a row. One that grew for a long
// message is given back at once, since the next may never come.
func (s *Stream) shrink() {
	if len(s.buf) > maxReadBuffer {
		s.letGo()
		s.buf = s.long.get(maxReadBuffer)
		s.short = 0
	}
	if len(s.buf) == minReadBuffer {
		s.split = nil
	}
	if s.short >= 2 && len(s.buf) > minReadBuffer {
		s.buf = make([]byte, max(len(s.buf)/2, minReadBuffer))
		s.short = 0
	}
}

func (s *Stream) fail(err error) error {
	s.err = s.explain(err)
	return s.err
}

// explain makes every way a closed stream fails match ErrClosed, and a write that
// took too long sig.ErrSlow.
func (s *Stream) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case s.closed.Load():
		return fmt.Errorf("%w (%w)", ErrClosed, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return sig.Errorf(sig.ErrSlow, "the peer took nothing for too long: %v", err)
	}
	return err
}

// Close closes the stream.
func (s *Stream) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.rwc.Close()
}

// SetMaxFrame sets the length of the longest frame; it is 1 MiB at first.
func (s *Stream) SetMaxFrame(n int) { s.max.Store(int64(n)) }

// SetMeter sets what Recv asks before its buffer grows beyond 64 KiB.
func (s *Stream) SetMeter(keep func(bytes int) bool) { s.keep = keep }

// StopRecv ends Recv, at once where the stream has deadlines, else when it is closed.
func (s *Stream) StopRecv() {
	s.stop.Store(true)
	if d, ok := s.rwc.(interface{ SetReadDeadline(time.Time) error }); ok {
		_ = d.SetReadDeadline(time.Unix(1, 0)) // long ago
	}
}

// Info describes the stream.
func (s *Stream) Info() Info { return s.info }

// SetWriteDeadline bounds SendBatch where the stream can.
func (s *Stream) SetWriteDeadline(t time.Time) error {
	if d, ok := s.rwc.(interface{ SetWriteDeadline(time.Time) error }); ok {
		return d.SetWriteDeadline(t)
	}
	return nil
}
