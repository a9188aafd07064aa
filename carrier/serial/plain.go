package serial

import (
	"bytes"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

const (
	plainLines   = 1024 // lines that may wait for the router
	plainAnswers = 1024 // answers that may
	firstRetry   = time.Second
	lastRetry    = 30 * time.Second
)

// A plain is a connection to a device that prints bare lines. It speaks the protocol in
// the device's place, as a classic peer: what the router sends is answered here, and
// what the device prints becomes calls.
type plain struct {
	port *port
	cfg  *plainConfig
	done func(*port)
	base Stats

	lines   chan textLine
	count   atomic.Uint64 // lines read
	gone    chan struct{} // closed when reading has ended
	readErr error         // why; valid when gone is closed
	wg      sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{} // holds a value when Recv has to look again
	lastID  uint64
	enrol   []*enrolment
	answers [][]byte   // for Recv to return
	asked   []question // requests that wait for the device's next line

	closeOnce sync.Once
	closeErr  error
}

// A textLine is a line the device printed, with its number.
type textLine struct {
	text []byte
	n    uint64
}

// A question is a request that the device's next line answers.
type question struct {
	id    json.RawMessage
	after uint64    // lines up to this number came before it was asked
	until time.Time // no answer then
}

// An enrolment is a call that makes the device known to the router. It is repeated until
// it succeeds: the sender's name may be taken for as long as the router has not noticed
// that the device's last connection is gone.
type enrolment struct {
	method string
	params any
	due    time.Time
	pause  time.Duration // before the next attempt
	id     uint64        // of the attempt under way; 0 for none
	did    bool
}

var (
	_ carrier.Buffered       = (*plain)(nil)
	_ carrier.Limiter        = (*plain)(nil)
	_ carrier.WriteDeadliner = (*plain)(nil)
	_ carrier.Describer      = (*plain)(nil)
	_ carrier.TextOnly       = (*plain)(nil)
	_ carrier.Lossy          = (*plain)(nil)
)

func newPlain(p *port, done func(*port)) *plain {
	c := &plain{port: p, cfg: p.cfg.plain, done: done, base: p.rep.stats(), gone: make(chan struct{}),
		lines: make(chan textLine, plainLines), changed: make(chan struct{}, 1)}
	p.rx.from = &fromLine{from: p.dev, end: p.cfg.frame.delimiter(), skip: p.rep.skip}
	if c.cfg.sender != "" {
		c.enrol = append(c.enrol, &enrolment{method: "add_sender", pause: firstRetry, params: map[string]any{
			"sender": c.cfg.sender, "events": []string{c.cfg.event}, "requests": []any{nil}}})
	}
	if c.cfg.listenSender != "" {
		c.enrol = append(c.enrol, &enrolment{method: "add_listener", pause: firstRetry, params: map[string]any{
			"sender": c.cfg.listenSender, "event": c.cfg.listenEvent}})
	}
	c.wg.Go(c.read) // ends when the port is closed or gone
	return c
}

// read takes lines from the port, so that none waits for the router in the system's
// small buffer. Those for which there is no room are dropped and counted.
func (c *plain) read() {
	defer close(c.gone)
	for {
		text, v, err := c.port.recv()
		if err != nil {
			c.readErr = err
			return
		}
		if v != good || c.cfg.sender == "" {
			continue
		}
		select {
		case c.lines <- textLine{bytes.Clone(text), c.count.Add(1)}:
		default:
			c.port.rep.skip(Overflow, text)
		}
	}
}

// Recv returns the next call that the device makes, or the next answer it gives.
func (c *plain) Recv() ([]byte, error) {
	for {
		if err := c.port.failedIfClosed(); err != nil {
			return nil, err
		}
		frame, wait := c.next(time.Now())
		if frame != nil {
			return frame, nil
		}
		frame, err := c.await(wait)
		if frame != nil || err != nil {
			return frame, err
		}
	}
}

// next returns what can be said without a line of the device, or else how long to wait
// before looking again.
func (c *plain) next(now time.Time) (frame []byte, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.answers) > 0 {
		frame, c.answers = c.answers[0], c.answers[1:]
		return frame, 0
	}
	wait = time.Hour
	if len(c.asked) > 0 {
		q := c.asked[0]
		if !now.Before(q.until) {
			c.asked = c.asked[1:]
			return failure(q.id, sig.Errorf(sig.ErrTimeout, "the device at %s printed no line within %s", c.port.name, c.cfg.timeout)), 0
		}
		wait = q.until.Sub(now)
	}
	for _, e := range c.enrol {
		switch {
		case e.did || e.id != 0:
		case now.Before(e.due):
			wait = min(wait, e.due.Sub(now))
		default:
			e.id = c.newID()
			return call(e.id, e.method, e.params), 0
		}
	}
	return nil, wait
}

func (c *plain) newID() uint64 { // needs mu
	c.lastID++
	return c.lastID
}

// await waits for a line that may be passed on, for a change, or until the time is over.
func (c *plain) await(wait time.Duration) (frame []byte, err error) {
	lines, gone := c.lines, c.gone
	if c.enrolled() {
		select {
		case l := <-lines: // those that were read come before the end
			return c.say(l), nil
		default:
		}
	} else {
		lines = nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case l := <-lines:
		return c.say(l), nil
	case <-c.changed:
	case <-t.C:
	case <-c.port.closed:
		return nil, c.port.errClosed()
	case <-gone:
		if len(lines) > 0 {
			return nil, nil
		}
		return nil, c.readErr
	}
	return nil, nil
}

// enrolled reports whether the router has the sender, so that it may signal.
func (c *plain) enrolled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cfg.sender != "" && c.enrol[0].did
}

// say makes a line an answer, if one is waited for, and else an event.
func (c *plain) say(l textLine) []byte {
	value, repaired := lineValue(l.text)
	if repaired {
		c.port.rep.repaired.Add(1)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.asked) > 0 && l.n > c.asked[0].after {
		id := c.asked[0].id
		c.asked = c.asked[1:]
		return success(id, value)
	}
	return call(c.newID(), "signal", signalParams{originOf{c.cfg.sender, c.cfg.event}, value})
}

// Close closes the port and waits for the reading to end. Lines that the router has not
// had by then count as overflow.
func (c *plain) Close() error {
	c.closeOnce.Do(func() {
		c.closeErr = c.port.close()
		c.wg.Wait()
		c.port.rep.overflow.Add(uint64(len(c.lines)))
		c.done(nil)
	})
	return c.closeErr
}

// Buffered reports whether an answer, or a line that may be passed on, is there.
func (c *plain) Buffered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.answers) > 0 || c.cfg.sender != "" && c.enrol[0].did && len(c.lines) > 0
}

func (c *plain) SetMaxFrame(bytes int)              { c.port.rx.max.Store(int64(bytes)) }
func (c *plain) SetWriteDeadline(t time.Time) error { return c.port.setWriteDeadline(t) }
func (c *plain) Info() carrier.Info                 { return c.port.info() }
func (c *plain) TextOnly() bool                     { return true }
func (c *plain) Lossy() bool                        { return true }

// Stats returns what has been counted since the connection began.
func (c *plain) Stats() Stats { return c.port.rep.stats().since(c.base) }

// Counters returns Stats by name.
func (c *plain) Counters() map[string]uint64 { return c.Stats().Map() }
