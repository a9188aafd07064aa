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
		frame, err := c.message()
		if err != nil {
			c.rerr = c.ended(err)
		} else if !c.closing.Load() {
			return frame, nil
		}
	}
	return nil, c.rerr
}

// message reads one message, of any number of fragments.
func (c *conn) message() ([]byte, error) {
	if cap(c.buf) > keepFrame && !c.in.buffered() {
		c.buf = nil
	}
	kind, r, err := c.lib.NextReader()
	if err != nil {
		return nil, err
	}
	text := kind == websocket.TextMessage
	buf, checked := c.buf[:0], 0
	for {
		buf = c.room(buf)
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
	return buf, checkBinary(buf)
}

// room sees to space behind buf for what is left of the current frame. It believes what a
// frame says of its length only as far as twice of what came, so that a few bytes cannot
// claim much memory.
func (c *conn) room(buf []byte) []byte {
	if len(buf) < cap(buf) {
		return buf
	}
	more := min(c.in.left, int64(max(len(buf), 4<<10)))
	grown := make([]byte, len(buf), max(len(buf)+int(more)+64, minFrame))
	copy(grown, buf)
	return grown
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

// checkBinary checks that a message is one binary frame of the protocol, no more and no
// less, so that it may be passed on to a stream as it is.
func checkBinary(b []byte) error {
	const head = 5 // kind and length
	switch {
	case !isBinary(b):
		return failure(closeUnsupported, sig.Errorf(sig.ErrMalformed, "binary message that is no binary frame; send JSON in text messages"))
	case len(b) < head || uint64(binary.BigEndian.Uint32(b[1:])) != uint64(len(b)-head):
		return failure(closeInvalid, sig.Errorf(sig.ErrMalformed, "binary frame whose length is not that of its message"))
	}
	return nil
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
	case c.closing.Load() || errors.Is(err, net.ErrClosed):
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
