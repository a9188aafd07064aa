package ws

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sigrouter/sigrouter/internal/sock"
	"github.com/sigrouter/sigrouter/sig"
)

// Close codes of RFC 6455, section 7.4.1, and of the IANA registry.
const (
	closeNormal      = 1000
	closeGoingAway   = 1001
	closeProtocol    = 1002
	closeUnsupported = 1003
	closeNoStatus    = 1005
	closeAbnormal    = 1006
	closeInvalid     = 1007
	closePolicy      = 1008
	closeTooBig      = 1009
	closeTryLater    = 1013
)

// lastMoment is how long Close may take to get a close frame out.
const lastMoment = 100 * time.Millisecond

// A CloseError is why Recv ends when the other end closed. It matches io.EOF.
type CloseError struct {
	// Code is the other end's close code, such as 1001 when it shuts down; 1005 when its
	// close frame had none, 1006 when it sent no close frame.
	Code int
	// Reason is what it gave as its reason, valid UTF-8, perhaps empty. Quote it when you
	// print it.
	Reason string
}

// Error says how the other end closed.
func (e *CloseError) Error() string {
	switch {
	case e.Code == closeAbnormal:
		return "the other end closed the connection without a close frame"
	case e.Code == closeNoStatus:
		return "the other end closed the connection"
	case e.Reason == "":
		return fmt.Sprintf("the other end closed the connection with code %d", e.Code)
	}
	return fmt.Sprintf("the other end closed the connection with code %d: %q", e.Code, e.Reason)
}

// Is reports whether target is io.EOF.
func (e *CloseError) Is(target error) bool { return target == io.EOF }

// A fault is an error of the other end's making, with the close code it is told.
type fault struct {
	code  int
	err   error
	limit string // that was passed, as named in carrier.Limits; "" for none
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// Limit returns the limit that was passed, "" for none.
func (f *fault) Limit() string { return f.limit }

func failure(code int, err error) error { return &fault{code: code, err: err} }

func overLimit(code int, limit, format string, args ...any) error {
	return &fault{code, sig.Errorf(sig.ErrLimit, format+" ("+limit+")", args...), limit}
}

// appendBye returns a close frame. A code that may not be sent becomes none, for 1005, or
// 1000.
func (c *conn) appendBye(code int, reason string) []byte {
	if code == closeNoStatus {
		return appendFrame(nil, opClose, c.client, nil, nil)
	}
	if !sendable(code) {
		code = closeNormal
	}
	payload := binary.BigEndian.AppendUint16(make([]byte, 0, maxControl), uint16(code))
	return appendFrame(nil, opClose, c.client, append(payload, shorten(reason)...), nil)
}

// sendable reports whether a close frame may have the code.
func sendable(code int) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1013, code >= 3000 && code <= 4999:
		return true
	}
	return false
}

// shorten makes valid UTF-8 of a reason that fits a close frame.
func shorten(s string) string {
	const most = maxControl - 2
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= most {
		return s
	}
	end := most
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// CloseReason tells the other end why, with a close code and a reason of at most 123
// bytes, and waits for its answer for at most Options.CloseTimeout before it closes.
// Messages that come meanwhile are dropped. When Recv has failed because of something the
// other end did, the other end is told that instead.
func (c *conn) CloseReason(status int, reason string) error {
	if c.closing.Swap(true) {
		return c.Close()
	}
	// Whatever blocks from here on ends with the socket.
	limit := time.AfterFunc(c.timeout, func() { closeSocket(c.nc) })
	defer limit.Stop()
	c.out.holdBye(c.appendBye(status, reason))
	c.out.finish()
	c.drain()
	return c.Close()
}

// drain waits for the other end's close frame, or for the end of the stream. To close a
// socket with something unread in it would reset the connection, and could cost the other
// end the close frame.
func (c *conn) drain() {
	c.rmu.Lock()
	defer c.rmu.Unlock()
	if _, told := c.rerr.(*CloseError); told {
		return
	}
	if c.rerr == nil {
		c.letGo()
		for c.rerr == nil {
			if _, _, err := c.lib.NextReader(); err != nil { // which passes over what came before
				c.rerr = c.ended(err)
			}
		}
		return
	}
	// There is no telling frames apart any more: say that nothing more comes, and read
	// to the end.
	if h, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = h.CloseWrite()
	}
	_ = c.nc.SetReadDeadline(time.Time{}) // it may have been in the past, for Recv to end
	_, _ = io.Copy(io.Discard, c.nc)
}

// Close closes the connection at once, with a close frame if the socket takes one.
func (c *conn) Close() error {
	c.once.Do(func() {
		if !c.closing.Swap(true) {
			c.out.holdBye(c.appendBye(closeNormal, ""))
		}
		_ = c.nc.SetWriteDeadline(time.Now().Add(lastMoment))
		c.out.finish()
		closeSocket(c.nc)
		c.out.stop()
	})
	return nil
}

// closeSocket closes nc, and waits for nobody.
func closeSocket(nc net.Conn) {
	if t, ok := nc.(*tls.Conn); ok {
		_ = sock.CloseTLS(t)
		return
	}
	_ = nc.Close()
}
