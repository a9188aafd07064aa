package wiretest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sigrouter/sigrouter/internal/wire"
)

// A conn is one connection of a session. Its reader answers pings and notes
// acknowledgements; all other messages wait to be expected.
type conn struct {
	rwc   io.ReadWriteCloser
	in    chan []byte   // messages; closed when reading ended
	acks  chan uint64   // the highest acknowledgement, if a newer one came
	ended chan struct{} // closed by close
	done  chan struct{} // closed when the reader has returned
	acked uint64
}

// waiting bounds the messages that a session leaves lying.
const waiting = 10_000

func newConn(rwc io.ReadWriteCloser) *conn {
	c := &conn{
		rwc: rwc, in: make(chan []byte, waiting), acks: make(chan uint64, 1),
		ended: make(chan struct{}), done: make(chan struct{}),
	}
	go c.read() // ends when the connection does; close waits for it
	return c
}

func (c *conn) close() {
	select {
	case <-c.ended:
		return
	default:
	}
	close(c.ended)
	_ = c.rwc.Close()
	<-c.done
}

func (c *conn) write(b []byte, pieces int) error {
	if pieces < 1 {
		pieces = len(b)
	}
	for len(b) > 0 {
		n := min(pieces, len(b))
		if _, err := c.rwc.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// read cuts what arrives into messages.
func (c *conn) read() {
	defer close(c.done)
	defer close(c.in)
	var s wire.Splitter
	var buf []byte
	piece := make([]byte, 4096)
	for {
		n, err := c.rwc.Read(piece)
		buf = append(buf, piece[:n]...)
		for {
			end, bad := s.Scan(buf, 0)
			if bad != nil || end == 0 {
				err = errors.Join(err, bad)
				break
			}
			s.Reset()
			if !c.handle(bytes.TrimLeft(bytes.Clone(buf[:end]), " \t\r\n")) {
				return
			}
			buf = buf[end:]
		}
		if err != nil {
			return
		}
	}
}

// handle sorts one message and reports whether to go on.
func (c *conn) handle(m []byte) bool {
	if m[0] == '{' {
		var e struct {
			ID     json.RawMessage
			Method string
			Ack    *uint64
		}
		_ = json.Unmarshal(m, &e) // what does not fit is for the patterns to refuse
		switch {
		case e.Ack != nil:
			c.noteAck(*e.Ack)
			return true
		case e.Method == "ping":
			return c.write(fmt.Appendf(nil, "{\"id\":%s,\"status\":0,\"response\":null}\n", e.ID), 0) == nil
		}
	} else if m[0] == 0x83 && len(m) == 13 {
		c.noteAck(binary.BigEndian.Uint64(m[5:]))
		return true
	}
	select {
	case c.in <- m:
		return true
	case <-c.ended:
		return false
	}
}

// noteAck leaves the newest acknowledgement in acks.
func (c *conn) noteAck(n uint64) {
	select {
	case old := <-c.acks:
		n = max(n, old)
	default:
	}
	c.acks <- n
}

// next returns the next message.
func (c *conn) next() ([]byte, error) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case m, ok := <-c.in:
		if !ok {
			return nil, errors.New("the server closed the connection")
		}
		return m, nil
	case <-timeout.C:
		return nil, fmt.Errorf("nothing came within %v", patience)
	}
}

func (c *conn) waitAck(n uint64) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for c.acked < n {
		select {
		case got := <-c.acks:
			c.acked = max(c.acked, got)
		case <-c.done:
			select {
			case got := <-c.acks:
				c.acked = max(c.acked, got)
			default:
				return fmt.Errorf("the server closed the connection; it had acknowledged %d", c.acked)
			}
		case <-timeout.C:
			return fmt.Errorf("acknowledged is %d after %v", c.acked, patience)
		}
	}
	if c.acked > n {
		return fmt.Errorf("acknowledged is %d, more than was sent", c.acked)
	}
	return nil
}

func (c *conn) waitClosed() error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		select {
		case _, ok := <-c.in:
			if !ok {
				return nil
			}
		case <-timeout.C:
			return fmt.Errorf("the connection is open after %v", patience)
		}
	}
}
