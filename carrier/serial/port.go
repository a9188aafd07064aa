package serial

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// A port is one open serial port with its state of reading and writing. It serves one
// connection after the other when the far end starts anew.
type port struct {
	name string
	cfg  *config
	dev  device
	rx   *receiver
	rep  *reporter
	log  *slog.Logger

	settled    chan struct{} // closed when the board is known to be up
	settleOnce sync.Once
	settleAt   time.Time

	writing sync.Mutex // held while a write is under way
	cutOff  bool       // the last write ended within a frame; under writing

	mu       sync.Mutex
	deadline time.Time     // as the owner set it
	grace    time.Duration // what the write under way needs beyond it

	closed    chan struct{}
	closeOnce sync.Once
	closeErr  error
}

// openPort opens the port that the configuration names. With flush, what has arrived
// before is forgotten.
func openPort(cfg *config, s *Scheme, flush bool) (*port, error) {
	name := cfg.name
	if name == "" {
		var err error
		if name, err = cfg.usb.find(s.list()); err != nil {
			return nil, fmt.Errorf("serial: %w", err)
		}
	}
	dev, err := openDevice(name, cfg, flush)
	if err != nil {
		return nil, fmt.Errorf("serial: %w", err)
	}
	p := newPort(name, cfg, s, dev.device, cfg.settleTime(dev.resets))
	for _, note := range dev.notes {
		p.log.Warn("serial: setting not supported", "port", name, "reason", note)
	}
	p.log.Info("serial: port opened", "port", name, "baud", cfg.mode.BaudRate)
	return p, nil
}

// settleTime returns how long to wait for a board that opening the port may have reset.
func (c *config) settleTime(resets bool) time.Duration {
	switch {
	case c.settle != autoSettle:
		return c.settle
	case resets:
		return defaultSettle
	}
	return 0
}

func newPort(name string, cfg *config, s *Scheme, dev device, settle time.Duration) *port {
	p := &port{name: name, cfg: cfg, dev: dev, log: s.logger(), settled: make(chan struct{}), closed: make(chan struct{})}
	p.rep = &reporter{port: name, log: p.log, hook: s.OnSkip}
	p.rx = newReceiver(dev, cfg.frame, func(r Reason, b []byte) { p.rep.skip(r, b) })
	if settle == 0 {
		p.up()
	}
	p.settleAt = time.Now().Add(settle)
	return p
}

// up ends the wait for the board.
func (p *port) up() { p.settleOnce.Do(func() { close(p.settled) }) }

// announce tells the other end that this one begins anew. It does not wait for the
// board: one that is resetting begins anew by itself. What cannot be written within a
// second is given up, for the line may be stalled for good.
func (p *port) announce() {
	p.writing.Lock()
	defer p.writing.Unlock()
	if p.dev.SetWriteDeadline(time.Now().Add(time.Second)) != nil {
		return
	}
	buf := appendStart(nil, p.cfg.frame)
	if n, err := p.dev.Write(buf); err != nil && n > 0 {
		p.cutOff = true
	}
	p.applyDeadline(0)
}

// write writes buf, which holds whole frames, when the board is up.
func (p *port) write(buf []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	waited, err := p.waitUp()
	if err != nil {
		return err
	}
	p.applyDeadline(waited + p.wireTime(len(buf)))
	defer p.applyDeadline(0)
	if p.cutOff {
		if _, err := p.dev.Write([]byte{p.cfg.frame.delimiter()}); err != nil {
			return p.failed(err)
		}
		p.cutOff = false
	}
	n, err := p.dev.Write(buf)
	if err == nil && n < len(buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		p.cutOff = n > 0
		return p.failed(err)
	}
	return nil
}

// waitUp waits until the board is up and returns how long that took.
func (p *port) waitUp() (time.Duration, error) {
	select {
	case <-p.settled:
		return 0, p.failedIfClosed()
	default:
	}
	begin := time.Now()
	t := time.NewTimer(time.Until(p.settleAt))
	defer t.Stop()
	select {
	case <-t.C:
		p.up()
	case <-p.settled:
	case <-p.closed:
	}
	return time.Since(begin), p.failedIfClosed()
}

// wireTime is how long n bytes take on the line, at eleven bits each.
func (p *port) wireTime(n int) time.Duration {
	return time.Duration(n) * 11 * time.Second / time.Duration(p.cfg.mode.BaudRate)
}

// setWriteDeadline bounds writes. To the time given is added what the bytes need on the
// line at its speed, and the wait for the board: ten seconds are 11,000 bytes at 9,600 baud.
func (p *port) setWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	return p.passDeadline()
}

func (p *port) applyDeadline(grace time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grace = grace
	_ = p.passDeadline() // the port is closed, then, and the write says so
}

// passDeadline needs mu.
func (p *port) passDeadline() error {
	t := p.deadline
	if !t.IsZero() {
		t = t.Add(p.grace)
	}
	return p.dev.SetWriteDeadline(t)
}

func (p *port) failedIfClosed() error {
	select {
	case <-p.closed:
		return p.errClosed()
	default:
		return nil
	}
}

func (p *port) errClosed() error { return fmt.Errorf("serial port %s: %w", p.name, carrier.ErrClosed) }

// failed gives an error of the device its name, and its usual meaning.
func (p *port) failed(err error) error {
	switch {
	case errors.Is(err, os.ErrClosed), p.failedIfClosed() != nil:
		return p.errClosed()
	case errors.Is(err, io.EOF):
		return io.EOF
	}
	return fmt.Errorf("serial port %s: %w", p.name, err)
}

// recv returns the next frame or mark.
func (p *port) recv() ([]byte, verdict, error) {
	if err := p.failedIfClosed(); err != nil {
		return nil, bad, err
	}
	frame, v, err := p.rx.recv()
	if err != nil {
		return nil, bad, p.failed(err)
	}
	if v == good {
		p.rep.good(frame)
	}
	p.up()
	return frame, v, nil
}

// close closes the port and lets go of whoever waits.
func (p *port) close() error {
	p.closeOnce.Do(func() {
		close(p.closed)
		p.closeErr = p.dev.Close()
		p.log.Info("serial: port closed", "port", p.name)
	})
	return p.closeErr
}

func (p *port) info() carrier.Info {
	return carrier.Info{Carrier: "serial", Local: p.name, Remote: p.cfg.label()}
}
