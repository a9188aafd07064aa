package serial

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// A message is what the router sends to a plain device, in so far as it matters.
type message struct {
	ID        json.RawMessage `json:"id"`
	Method    string          `json:"method"`
	Status    *sig.Status     `json:"status"`
	Exception string          `json:"exception"`
	Params    struct {
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
		Data   json.RawMessage `json:"data"`
	} `json:"params"`
}

type originOf struct {
	Sender string `json:"sender"`
	Event  string `json:"event"`
}

type signalParams struct {
	Info originOf        `json:"info"`
	Data json.RawMessage `json:"data"`
}

// Send answers what the router sends. Requests and events go to the device as lines;
// Send returns when they are written.
func (c *plain) Send(frame []byte) error {
	if err := c.port.failedIfClosed(); err != nil {
		return err
	}
	var m message
	if err := json.Unmarshal(frame, &m); err != nil {
		return fmt.Errorf("serial: a plain device takes JSON objects alone: %w", err)
	}
	switch {
	case m.Status != nil:
		c.onReply(&m)
		return nil
	case m.Method == "request":
		return c.onRequest(&m)
	case m.Method == "signal":
		if err := c.writeLine(lineText(m.Params.Data)); err != nil {
			return err
		}
		return c.answer(success(m.ID, nil))
	case m.Method == "bye":
		return nil
	case m.Method == "ping":
		return c.answer(success(m.ID, nil))
	}
	return c.answer(failure(m.ID, &sig.Error{Status: sig.StatusNoMethod, Code: "no_method", Message: "a plain device has no method " + m.Method}))
}

// onReply takes the router's word for what the device said.
func (c *plain) onReply(m *message) {
	var id uint64
	if json.Unmarshal(m.ID, &id) != nil {
		return
	}
	failed := *m.Status != sig.StatusDone
	c.mu.Lock()
	e := c.enrolmentOf(id)
	if e != nil {
		e.id, e.did = 0, !failed
		e.due = time.Now().Add(e.pause)
		e.pause = min(2*e.pause, lastRetry)
	}
	c.mu.Unlock()
	switch {
	case e != nil:
		c.notify()
		if failed {
			c.port.log.Warn("serial: the router refused a plain device, which tries again", "port", c.port.name, "method", e.method, "err", m.Exception)
		}
	case failed:
		c.port.rep.refuse(m.Exception)
	}
}

func (c *plain) enrolmentOf(id uint64) *enrolment { // needs mu
	for _, e := range c.enrol {
		if e.id == id && id != 0 {
			return e
		}
	}
	return nil
}

func (c *plain) onRequest(m *message) error {
	line := m.Params.Method
	if text := lineText(m.Params.Params); text != "" {
		line += " " + text
	}
	after := c.count.Load()
	if !c.cfg.replyNext {
		if err := c.writeLine(line); err != nil {
			return err
		}
		return c.answer(success(m.ID, nil))
	}
	c.mu.Lock()
	full := len(c.asked) >= plainAnswers
	if !full {
		c.asked = append(c.asked, question{append(json.RawMessage(nil), m.ID...), after, time.Now().Add(c.cfg.timeout)})
	}
	c.mu.Unlock()
	if full {
		return c.answer(failure(m.ID, sig.Errorf(sig.ErrLimit, "the device has %d requests to answer already", plainAnswers)))
	}
	c.notify()
	return c.writeLine(line)
}

// writeLine writes a line, at the device's pace.
func (c *plain) writeLine(text string) error {
	return c.port.write([]byte(text + c.cfg.eol))
}

// answer leaves a reply for Recv to return.
func (c *plain) answer(frame []byte) error {
	c.mu.Lock()
	full := len(c.answers) >= plainAnswers
	if !full {
		c.answers = append(c.answers, frame)
	}
	c.mu.Unlock()
	if full {
		return errors.New("serial: nobody takes the answers of the plain device")
	}
	c.notify()
	return nil
}

func (c *plain) notify() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// call, success and failure make messages.
func call(id uint64, method string, params any) []byte {
	return encode(struct {
		ID     uint64 `json:"id"`
		Method string `json:"method"`
		Params any    `json:"params"`
	}{id, method, params})
}

func success(id, response json.RawMessage) []byte {
	return encode(struct {
		ID       json.RawMessage `json:"id"`
		Status   sig.Status      `json:"status"`
		Response json.RawMessage `json:"response"`
	}{id, sig.StatusDone, response})
}

func failure(id json.RawMessage, e *sig.Error) []byte {
	return encode(struct {
		ID        json.RawMessage `json:"id"`
		Status    sig.Status      `json:"status"`
		Response  any             `json:"response"`
		Exception string          `json:"exception"`
		Error     any             `json:"error,omitempty"`
	}{id, e.Status, nil, e.Message, map[string]string{"code": e.Code}})
}

// encode encodes what is always valid: names that were checked, ids and values that
// were parsed.
func encode(v any) []byte {
	b, err := sig.JSON{}.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return b
}
