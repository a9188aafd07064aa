package ws

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// Recv returns the next message.
func (c *conn) Recv() ([]byte, error) {
	c.rmu.Lock()
	defer c.rmu.Unlock()
	for c.rerr == nil {
		frame, err := c.frame()
		if err != nil {
			c.rerr = c.ended(err)
			c.letGo()
		} else if !c.closing.Load() {
			return frame, nil
		}
	}
	return nil, c.rerr
}

// frame returns the next frame: a text message, or one of the binary frames in a binary
// message.
func (c *conn) frame() ([]byte, error) {
	if len(c.row) == 0 {
		b, err := c.message()
		if err != nil || !isBinary(b) {
			return b, err
		}
		c.row = b
	}
	n, err := frameLength(c.row)
	if err != nil {
		return nil, err
	}
	frame := c.row[:n:n]
	c.row = c.row[n:]
	return frame, nil
}

// message reads one message, of any number of fragments.
func (c *conn) message() ([]byte, error) {
	if cap(c.buf) > keepFrame && !c.in.buffered() {
		c.letGo()
	}
	kind, r, err := c.lib.NextReader()
	if err != nil {
		return nil, err
	}
	text := kind == websocket.TextMessage
	buf, checked := c.buf[:0], 0
	for {
		var ok bool
		if buf, ok = c.room(buf); !ok {
			return nil, carrier.ErrClosed
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if text && n > 0 {
			n, ok := checkText(buf[checked:])
			if !ok {
				return nil, failure(closeInvalid, sig.Errorf(sig.ErrMalformed, "text that is not valid UTF-8"))
			}
			checked += n
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	c.buf = buf
	if text {
		if checked < len(buf) {
			return nil, failure(closeInvalid, sig.Errorf(sig.ErrMalformed, "text that ends in the middle of a UTF-8 character"))
		}
		return buf, nil
	}
	if !isBinary(buf) {
		return nil, failure(closeUnsupported, sig.Errorf(sig.ErrMalformed, "binary message that is no binary frame; send JSON in text messages"))
	}
	return buf, nil
}

// room sees to space behind buf for what is left of the current frame. It believes what a
// frame says of its length only as far as twice of what came, so that a few bytes cannot
// claim much memory. It reports false when there must be no more.
func (c *conn) room(buf []byte) ([]byte, bool) {
	if len(buf) < cap(buf) {
		return buf, true
	}
	more := min(c.in.left, int64(max(len(buf), 4<<10)))
	size := max(len(buf)+int(more)+64, minFrame)
	if c.keep != nil && size > maxReadBuffer && !c.keep(size) {
		return nil, false
	}
	grown := make([]byte, len(buf), size)
	copy(grown, buf)
	c.buf = grown
	return grown, true
}

// letGo gives back the memory for messages.
func (c *conn) letGo() {
	if c.keep != nil && cap(c.buf) > maxReadBuffer {
		c.keep(0)
	}
	c.buf = nil
}

// checkText returns how much of b, to be continued, is UTF-8. It reports false as soon as
// no continuation can make it valid.
func checkText(b []byte) (int, bool) {
	if utf8.Valid(b) {
		return len(b), true
	}
	whole := len(b)
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if tail := b[len(b)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				whole -= i
			}
			break
		}
	}
	return whole, utf8.Valid(b[:whole])
}

// frameLength returns the length of the binary frame at the front of a row of them.
func frameLength(b []byte) (int, error) {
	const head = 5 // kind and length
	if !isBinary(b) || len(b) < head || uint64(binary.BigEndian.Uint32(b[1:])) > uint64(len(b)-head) {
		return 0, failure(closeInvalid, sig.Errorf(sig.ErrMalformed, "binary message that does not end where a binary frame does"))
	}
	return head + int(binary.BigEndian.Uint32(b[1:])), nil
}

// ended says why reading ended. The other end is told when the Conn is closed, so that
// answers to what came before can still be sent.
func (c *conn) ended(err error) error {
	if c.in.err != nil {
		err = c.in.err // the library hides some
	}
	var lib *websocket.CloseError
	var fault *fault
	switch {
	case c.closing.Load() || errors.Is(err, net.ErrClosed) || errors.Is(err, carrier.ErrClosed):
		return carrier.ErrClosed
	case errors.As(err, &fault):
		c.out.holdBye(c.appendBye(fault.code, fault.err.Error()))
		return fault.err
	case errors.As(err, &lib) && lib.Code != websocket.CloseAbnormalClosure:
		return &CloseError{Code: lib.Code, Reason: lib.Text}
	case errors.Is(err, io.EOF):
		return &CloseError{Code: closeAbnormal}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("ws: connection closed in the middle of a message: %w", err)
	case c.in.err == nil: // the library found something wrong, and wrote a close frame
		return sig.Errorf(sig.ErrMalformed, "%v", err)
	}
	return fmt.Errorf("ws: %w", err)
}
