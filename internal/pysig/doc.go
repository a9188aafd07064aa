// Package pysig stands in for existing pysig programs in tests: a server and a client
// that behave on the wire as the Python library does. Each read of at most 4096 bytes
// is taken for exactly one message, whatever it holds; what is not one message is lost;
// a caller waits 10 s for its reply; handlers run in the goroutine that reads, so one
// that calls back waits in vain.
package pysig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// ReadSize is how much pysig reads at a time.
const ReadSize = 4096

// Patience is how long pysig waits for a reply.
const Patience = 10 * time.Second

// A Message is anything on the wire.
type Message map[string]any

// A Conn is one connection as pysig runs it.
type Conn struct {
	conn    net.Conn
	methods map[string]func(params map[string]any) (any, error)
	lost    atomic.Int64
	done    chan struct{}
	onEnd   func()

	mu      sync.Mutex
	last    int
	waiting map[int]chan Message
}

func newConn(c net.Conn) *Conn {
	return &Conn{conn: c, waiting: map[int]chan Message{}, done: make(chan struct{})}
}

// Lost counts reads that were not exactly one message, and so were lost.
func (c *Conn) Lost() int { return int(c.lost.Load()) }

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Close closes the connection.
func (c *Conn) Close() error { return c.conn.Close() }

func (c *Conn) serve() {
	defer close(c.done)
	if c.onEnd != nil {
		defer c.onEnd()
	}
	buf := make([]byte, ReadSize)
	for {
		n, err := c.conn.Read(buf)
		if err != nil {
			return
		}
		var m Message
		if json.Unmarshal(buf[:n], &m) != nil {
			c.lost.Add(1)
			if json.Valid(buf[:n]) { // JSON, and no object: pysig's thread dies of it
				c.conn.Close()
				return
			}
			continue
		}
		c.handle(m)
	}
}

func (c *Conn) handle(m Message) {
	if m["status"] != nil {
		id, ok := m["id"].(float64)
		c.mu.Lock()
		ch := c.waiting[int(id)]
		delete(c.waiting, int(id))
		c.mu.Unlock()
		if ok && ch != nil {
			ch <- m
		}
		return
	}
	reply := Message{"id": m["id"]}
	name, _ := m["method"].(string)
	method := c.methods[name]
	switch {
	case m["method"] == nil:
		reply["status"] = -3
	case method == nil:
		reply["status"] = -1
	default:
		params, _ := m["params"].(map[string]any)
		resp, err := method(params)
		if err != nil {
			reply["status"], reply["exception"] = -2, err.Error()
		} else {
			reply["status"], reply["response"] = 0, resp
		}
	}
	_ = c.write(reply)
}

// write sends a message as Python's json module writes it.
func (c *Conn) write(m Message) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = c.conn.Write(pythonic(b))
	return err
}

// pythonic puts blanks behind separators and escapes what is not ASCII.
func pythonic(b []byte) []byte {
	var out bytes.Buffer
	quoted, escaped := false, false
	for _, r := range string(b) {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		}
		switch {
		case r >= 0x10000:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		case r >= 0x80:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
		if !quoted && (r == ',' || r == ':') {
			out.WriteByte(' ')
		}
	}
	return out.Bytes()
}

// ErrNoReply is what a call ends with that was not answered within Patience.
var ErrNoReply = errors.New("pysig: no reply")

// Call calls a method of the other end.
func (c *Conn) Call(method string, params any) (any, error) {
	c.mu.Lock()
	c.last++
	id := c.last
	ch := make(chan Message, 1)
	c.waiting[id] = ch
	c.mu.Unlock()
	if err := c.write(Message{"id": id, "method": method, "params": params}); err != nil {
		return nil, err
	}
	t := time.NewTimer(Patience)
	defer t.Stop()
	select {
	case m := <-ch:
		if m["status"] != float64(0) {
			return nil, fmt.Errorf("pysig: status %v: %v", m["status"], m["exception"])
		}
		return m["response"], nil
	case <-t.C:
		return nil, ErrNoReply
	case <-c.done:
		return nil, net.ErrClosed
	}
}
