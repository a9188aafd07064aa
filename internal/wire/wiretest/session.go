// Package wiretest plays the sessions of testdata/wire/session.json against a server.
// The README beside that file says what a session is made of; this is a runner for it,
// and knows no more of the protocol than how messages are told apart.
package wiretest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"
	"time"
)

// patience is how long a session waits for anything.
const patience = 10 * time.Second

// A Session is a conversation of one or more clients with a server.
type Session struct {
	Name  string
	Lane  string // "classic", "json", "frame" or "msgpack": what the clients have to understand
	Steps []Step
}

// A Step is one thing that happens on one connection.
type Step struct {
	On string // name of the connection; it is opened when it is first named

	Send       string  // JSON text; "$name" in quotes stands for what was bound to it
	End        *string // written after Send; a line break if absent
	Pieces     int     // write so many bytes at a time; 0: all at once
	SendBinary *Frame  `json:"send_binary"`

	Expect       json.RawMessage   // a pattern for the next message
	ExpectAll    []json.RawMessage `json:"expect_all"` // patterns for the next messages, in any order
	ExpectBinary *Frame            `json:"expect_binary"`
	Acked        uint64            // wait until signals up to this number are acknowledged
	Closed       bool              // wait until the server closes; what it sends before is ignored

	Close bool // close the connection
}

// A Frame is a binary frame in words.
type Frame struct {
	Kind      string // "signal_up", "signal_down", "ack", "request", "caused_request", "reply", "failure"
	N         json.RawMessage
	ID        json.RawMessage
	Retained  bool
	Listeners json.RawMessage
	Sender    string
	Event     string
	Method    string

	Hops        uint32 // of a request with a cause
	Traceparent string

	Data json.RawMessage // data, params, response, or the object of a failure
	Hex  *string         // instead of data: its bytes
}

// Load reads sessions from a file.
func Load(file string) ([]Session, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var all []Session
	if err := dec.Decode(&all); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return all, nil
}

// Run plays the sessions of a file, each as a subtest and each against a server of its
// own: start makes one and returns how to connect to it. The server ends with the test
// it was started in.
func Run(t *testing.T, file string, start func(t *testing.T) (dial func() (io.ReadWriteCloser, error))) {
	t.Helper()
	sessions, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sessions {
		t.Run(s.Lane+"/"+s.Name, func(t *testing.T) { Play(t, s, start(t)) })
	}
}

// Play plays one session.
func Play(t *testing.T, s Session, dial func() (io.ReadWriteCloser, error)) {
	t.Helper()
	if err := play(s, dial); err != nil {
		t.Fatal(err)
	}
}

func play(s Session, dial func() (io.ReadWriteCloser, error)) error {
	p := &player{dial: dial, conns: map[string]*conn{}, bound: bindings{}}
	defer p.closeAll()
	for i, step := range s.Steps {
		if err := p.step(step); err != nil {
			return fmt.Errorf("step %d, on %s: %w", i+1, step.On, err)
		}
	}
	return nil
}

// A player is one play of a session.
type player struct {
	dial  func() (io.ReadWriteCloser, error)
	conns map[string]*conn
	bound bindings
}

func (p *player) closeAll() {
	for _, c := range p.conns {
		c.close()
	}
}

func (p *player) conn(name string) (*conn, error) {
	if c := p.conns[name]; c != nil {
		return c, nil
	}
	rwc, err := p.dial()
	if err != nil {
		return nil, err
	}
	c := newConn(rwc)
	p.conns[name] = c
	return c, nil
}

func (p *player) step(s Step) error {
	c, err := p.conn(s.On)
	if err != nil {
		return err
	}
	switch {
	case s.Send != "":
		text, err := p.bound.fill([]byte(s.Send))
		if err != nil {
			return err
		}
		end := "\n"
		if s.End != nil {
			end = *s.End
		}
		return c.write(append(text, end...), s.Pieces)
	case s.SendBinary != nil:
		frame, err := p.bound.encode(s.SendBinary)
		if err != nil {
			return err
		}
		return c.write(frame, s.Pieces)
	case s.Expect != nil:
		return p.expectAll(c, []json.RawMessage{s.Expect})
	case s.ExpectAll != nil:
		return p.expectAll(c, s.ExpectAll)
	case s.ExpectBinary != nil:
		return p.expectBinary(c, s.ExpectBinary)
	case s.Acked != 0:
		return c.waitAck(s.Acked)
	case s.Closed:
		return c.waitClosed()
	case s.Close:
		c.close()
		return nil
	}
	return fmt.Errorf("a step without anything to do")
}

// expectAll compares the next messages with the patterns, each of which must fit one.
func (p *player) expectAll(c *conn, patterns []json.RawMessage) error {
	for len(patterns) > 0 {
		m, err := c.next()
		if err != nil {
			return err
		}
		if m[0] != '{' {
			return fmt.Errorf("got the binary frame %x, expected JSON", m)
		}
		i, err := p.bound.anyOf(patterns, m)
		if err != nil {
			return err
		}
		rest := append([]json.RawMessage(nil), patterns[:i]...)
		patterns = append(rest, patterns[i+1:]...)
	}
	return nil
}

func (p *player) expectBinary(c *conn, want *Frame) error {
	m, err := c.next()
	if err != nil {
		return err
	}
	if m[0] == '{' {
		return fmt.Errorf("got %s, expected a binary frame", m)
	}
	got, err := decode(m)
	if err != nil {
		return err
	}
	if want.Hex != nil {
		payload := hex.EncodeToString(got.Data)
		got.Hex, got.Data = &payload, nil
	}
	pattern, err := json.Marshal(want)
	if err != nil {
		return err
	}
	text, err := json.Marshal(got)
	if err != nil {
		return err
	}
	_, err = p.bound.anyOf([]json.RawMessage{pattern}, text)
	return err
}
