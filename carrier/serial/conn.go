package serial

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// A conn is a connection to a peer that speaks the protocol. It ends when the port
// goes or is closed, and when the peer says goodbye or turns out to have started anew;
// the port then outlives it.
type conn struct {
	port   *port
	serves bool          // it is the listening end: the peer says hello, not we
	done   func(p *port) // called once, with the port if it goes on and nil if not
	base   Stats         // of the port when the connection began

	// Of the receiving goroutine.
	begun bool   // a frame has been received
	bye   bool   // and it was the last, the peer said
	first []byte // the first frame, if it is one that sets up a peer

	mu     sync.Mutex
	over   bool // the peer has gone, or started anew: the port is no longer ours
	closed bool
}

var (
	_ carrier.BatchSender    = (*conn)(nil)
	_ carrier.Buffered       = (*conn)(nil)
	_ carrier.Limiter        = (*conn)(nil)
	_ carrier.WriteDeadliner = (*conn)(nil)
	_ carrier.Describer      = (*conn)(nil)
	_ carrier.TextOnly       = (*conn)(nil)
	_ carrier.Lossy          = (*conn)(nil)
)

func newConn(p *port, serves bool, done func(*port)) *conn {
	return &conn{port: p, serves: serves, done: done, base: p.rep.stats()}
}

func (c *conn) Recv() ([]byte, error) {
	if err := c.failedIfEnded(); err != nil {
		return nil, err
	}
	if c.bye {
		return nil, c.end("it said goodbye")
	}
	for {
		frame, v, err := c.port.recv()
		switch {
		case err != nil:
			return nil, err
		case v == mark && !c.begun:
			continue
		case v == mark:
			return nil, c.end("it opened the line anew")
		case c.begun && c.startsAnew(frame):
			c.port.rx.unread(frame)
			return nil, c.end("it began its messages anew")
		}
		if !c.begun {
			c.begun = true
			c.remember(frame)
		}
		c.bye = bytes.Contains(frame, []byte(`"bye"`)) && methodOf(frame) == "bye"
		return frame, nil
	}
}

// remember keeps the first frame if a peer that restarts would send it again.
func (c *conn) remember(frame []byte) {
	if !c.serves {
		return
	}
	switch methodOf(frame) {
	case "hello", "add_sender", "add_listener":
		c.first = bytes.Clone(frame)
	}
}

// startsAnew reports whether a frame within a connection shows that the peer has
// restarted: a second hello, or the first frame again.
func (c *conn) startsAnew(frame []byte) bool {
	switch {
	case !c.serves:
		return false
	case c.first != nil && bytes.Equal(frame, c.first):
		return true
	}
	return bytes.Contains(frame, []byte(`"hello"`)) && methodOf(frame) == "hello"
}

func methodOf(frame []byte) string {
	var m struct {
		Method string          `json:"method"`
		Status json.RawMessage `json:"status"`
	}
	if len(frame) == 0 || frame[0] != '{' || json.Unmarshal(frame, &m) != nil || m.Status != nil {
		return ""
	}
	return m.Method
}

// end ends the connection, as a peer does elsewhere by closing its socket.
func (c *conn) end(why string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.port.errClosed()
	}
	c.over = true
	c.port.log.Info("serial: the other end has gone", "port", c.port.name, "reason", why)
	return io.EOF
}

// failedIfEnded returns what Send and Recv fail with from now on, if they do.
func (c *conn) failedIfEnded() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return c.port.errClosed()
	case c.over:
		return io.EOF
	}
	return nil
}

func (c *conn) Send(frame []byte) error {
	if c.TextOnly() && (len(frame) == 0 || frame[0] != '{') {
		return errors.New("serial: only JSON objects can be sent with frame=lines")
	}
	return c.SendBatch(c.AppendFrame(nil, frame, nil))
}

func (c *conn) AppendFrame(dst, head, body []byte) []byte {
	return c.port.cfg.frame.append(dst, head, body)
}

func (c *conn) SendBatch(buf []byte) error {
	err := c.failedIfEnded()
	if errors.Is(err, io.EOF) {
		err = io.ErrClosedPipe
	}
	if err != nil {
		return err
	}
	return c.port.write(buf)
}

func (c *conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	over := c.over
	c.mu.Unlock()
	if over {
		c.done(c.port)
		return nil
	}
	err := c.port.close()
	c.done(nil)
	return err
}

func (c *conn) Buffered() bool                     { return c.port.rx.peek() && c.port.rx.verdict == good }
func (c *conn) SetMaxFrame(bytes int)              { c.port.rx.max.Store(int64(bytes)) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.port.setWriteDeadline(t) }
func (c *conn) Info() carrier.Info                 { return c.port.info() }
func (c *conn) TextOnly() bool                     { return c.port.cfg.frame.textOnly() }
func (c *conn) Lossy() bool                        { return true }

// Stats returns what has been counted since the connection began.
func (c *conn) Stats() Stats { return c.port.rep.stats().since(c.base) }

// Counters returns Stats by name.
func (c *conn) Counters() map[string]uint64 { return c.Stats().Map() }
