package ws

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/trywrite"
)

// Sizes of the buffer for received messages: the smallest there is, and the largest
// that a Conn keeps while it waits.
const (
	minFrame  = 512
	keepFrame = 16 << 10
)

// A conn is a carrier.Conn over WebSocket. The library reads, through in; writing is done
// by out.
type conn struct {
	nc      net.Conn
	lib     *websocket.Conn
	in      *feed
	out     writer
	client  bool
	info    carrier.Info
	timeout time.Duration // for the other end to answer a close frame

	rmu  sync.Mutex // held by Recv, and by who reads what comes after a close frame
	buf  []byte     // under rmu: the message that was read last
	row  []byte     // under rmu: what Recv has not returned of a binary one
	rerr error      // under rmu: why reading ended

	keep func(bytes int) bool // see carrier.Metered; may be nil

	closing atomic.Bool // this end has begun to close: what still comes is dropped
	once    sync.Once
}

// A plainConn is a conn whose socket can be written to without waiting for it.
type plainConn struct{ *conn }

// TrySendBatch writes what the socket takes at once.
func (c plainConn) TrySendBatch(buf []byte) (int, error) {
	n, err := c.out.trySend(buf)
	return n, c.explain(err)
}

// newConn takes over a connection after the handshake.
func newConn(in *feed, lib *websocket.Conn, info carrier.Info, client bool, o *Options) carrier.Conn {
	c := &conn{nc: in.Conn, lib: lib, in: in, client: client, info: info, timeout: o.closeTimeout()}
	c.out.nc = in.Conn
	in.timeout, in.rate = o.messageTimeout(), o.rate()
	in.pings.rate = o.maxPings()
	in.max.Store(int64(o.maxFrame()))
	in.write = c.controlFrame
	lib.SetPingHandler(func(data string) error {
		c.out.queuePong(appendFrame(nil, opPong, c.client, []byte(data), nil))
		return nil
	})
	lib.SetCloseHandler(func(code int, _ string) error {
		c.out.holdBye(c.appendBye(code, ""))
		return nil
	})
	// TLS turns each write into records, which have to go out whole; and who wraps a socket
	// wants to see what is written.
	switch nc := in.Conn.(type) {
	case *net.TCPConn:
		c.out.try = trywrite.New(nc)
	case *net.UnixConn:
		c.out.try = trywrite.New(nc)
	}
	if c.out.try == nil {
		return c
	}
	return plainConn{c}
}

// controlFrame takes a frame that the library writes by itself: a close frame, with which
// it answers bad ones.
func (c *conn) controlFrame(frame []byte) error {
	c.out.holdBye(append([]byte(nil), frame...))
	return nil
}

// Send writes one frame.
func (c *conn) Send(frame []byte) error {
	return c.SendBatch(c.AppendFrame(make([]byte, 0, len(frame)+maxHeader), frame, nil))
}

// AppendFrame appends one WebSocket frame: a binary one for a binary frame of the
// protocol, else a text frame.
func (c *conn) AppendFrame(dst, head, body []byte) []byte {
	op := byte(opText)
	if isBinary(head) || len(head) == 0 && isBinary(body) {
		op = opBinary
	}
	return appendFrame(dst, op, c.client, head, body)
}

// PackBytes returns how long a row of binary frames may be that go as one message: less
// than the other end keeps memory for.
func (c *conn) PackBytes() int { return keepFrame - 1<<10 }

// isBinary reports whether b begins a binary frame of the protocol.
func isBinary(b []byte) bool { return len(b) > 0 && b[0] >= 0x81 && b[0] <= 0x8F }

// SendBatch writes frames.
func (c *conn) SendBatch(buf []byte) error { return c.explain(c.out.send(buf)) }

// Buffered reports whether another whole message was read already.
func (c *conn) Buffered() bool {
	if !c.rmu.TryLock() {
		return false
	}
	defer c.rmu.Unlock()
	return c.rerr == nil && (len(c.row) > 0 || c.in.buffered())
}

// SetMaxFrame sets the length of the longest message that is received.
func (c *conn) SetMaxFrame(n int) { c.in.max.Store(int64(n)) }

// SetMeter sets what is asked before memory for a message grows beyond 64 KiB.
func (c *conn) SetMeter(keep func(bytes int) bool) { c.keep = keep }

// StopRecv ends Recv.
func (c *conn) StopRecv() {
	c.in.stop.Store(true)
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // long ago
}

// SetWriteDeadline bounds SendBatch. While the Conn closes it is out of the caller's
// hands.
func (c *conn) SetWriteDeadline(t time.Time) error {
	if c.closing.Load() {
		return nil
	}
	return c.nc.SetWriteDeadline(t)
}

// Info describes the connection.
func (c *conn) Info() carrier.Info { return c.info }

// explain makes every way a closed Conn fails match carrier.ErrClosed.
func (c *conn) explain(err error) error {
	switch {
	case err == nil || errors.Is(err, carrier.ErrClosed):
		return err
	case c.closing.Load() || errors.Is(err, net.ErrClosed):
		return fmt.Errorf("%w (%w)", carrier.ErrClosed, err)
	}
	return err
}
