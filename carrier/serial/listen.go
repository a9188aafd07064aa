package serial

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

const (
	firstPause = 100 * time.Millisecond // before opening again
	maxPause   = time.Second
	goodLife   = time.Second // a connection shorter than this makes the pause grow
)

// A listener hands out the connections of one port, one after the other.
type listener struct {
	cfg    *config
	scheme *Scheme
	turn   chan *port // holds a value while no connection is out: the open port, or nil for none

	mu      sync.Mutex
	closed  bool
	done    chan struct{} // closed by Close
	started time.Time     // of the connection that is out or was last
	pause   time.Duration // before the next opening
	state   carrier.Report
	rep     *reporter // of the port that is open or was last; nil for none yet
}

var _ carrier.Successive = (*listener)(nil)

func listen(cfg *config, s *Scheme) (*listener, error) {
	l := &listener{cfg: cfg, scheme: s, turn: make(chan *port, 1), done: make(chan struct{})}
	p, err := l.open()
	switch {
	case err == nil:
	case errors.Is(err, errAbsent) && cfg.reopen:
		s.logger().Info("serial: waiting for port", "port", cfg.label(), "err", err)
	default:
		return nil, err
	}
	l.turn <- p
	return l, nil
}

func (l *listener) open() (*port, error) {
	p, err := openPort(l.cfg, l.scheme, false)
	l.note(p, err)
	if err != nil {
		return nil, err
	}
	if l.cfg.plain == nil {
		p.announce()
	}
	return p, nil
}

// note keeps how an attempt to open the port went, for Report.
func (l *listener) note(p *port, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.state = carrier.Report{State: "waiting", Err: err, Attempts: l.state.Attempts + 1}
		return
	}
	l.state, l.rep = carrier.Report{State: "open"}, p.rep
}

// Report says whether the port is open or waited for, and what came over it.
func (l *listener) Report() carrier.Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.state
	if l.closed {
		r = carrier.Report{State: "closed"}
	}
	if l.rep != nil {
		r.Counters = l.rep.stats().Map()
		if last := l.rep.last.Load(); last != nil {
			r.Last, r.LastAt = last.text, last.at
		}
	}
	return r
}

// Accept returns the next connection: when the one before has been closed, and the port
// is there.
func (l *listener) Accept() (carrier.Conn, error) {
	var p *port
	select {
	case <-l.done:
		return nil, l.errClosed()
	case p = <-l.turn:
	}
	if p == nil {
		var err error
		if p, err = l.await(); err != nil {
			l.giveTurn(nil)
			return nil, err
		}
	}
	l.mu.Lock()
	l.started = time.Now()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		p.close()
		return nil, l.errClosed()
	}
	if l.cfg.plain != nil {
		return newPlain(p, l.ended), nil
	}
	return newConn(p, true, l.ended), nil
}

// await opens the port as soon as it is there.
func (l *listener) await() (*port, error) {
	var told string
	for {
		if err := l.rest(); err != nil {
			return nil, err
		}
		p, err := l.open()
		if err == nil {
			return p, nil
		}
		if text := err.Error(); text != told {
			told = text
			l.scheme.logger().Warn("serial: waiting for port", "port", l.cfg.label(), "err", err)
		}
	}
}

// rest pauses before the port is opened again: longer each time, up to a second, and
// never as long as another listener that waits for the same moment.
func (l *listener) rest() error {
	l.mu.Lock()
	l.pause = min(max(2*l.pause, firstPause), maxPause)
	pause := l.pause - rand.N(l.pause/4)
	l.state.Next = time.Now().Add(pause)
	l.mu.Unlock()
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-l.done:
		return l.errClosed()
	}
}

// ended is called when a connection has been closed, with the port if that goes on.
func (l *listener) ended(p *port) {
	l.mu.Lock()
	if time.Since(l.started) >= goodLife {
		l.pause = 0
	}
	if p == nil {
		l.state = carrier.Report{State: "waiting"}
	}
	l.mu.Unlock()
	switch {
	case p == nil && !l.cfg.reopen:
		l.Close()
	default:
		l.giveTurn(p)
	}
}

// giveTurn lets Accept go on. A port that nobody will accept is closed.
func (l *listener) giveTurn(p *port) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		if p != nil {
			p.close()
		}
		return
	}
	l.turn <- p // there is room: only the holder of the turn gives it back
}

// Close ends Accept. A connection that is out stays.
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	close(l.done)
	select {
	case p := <-l.turn:
		if p != nil {
			return p.close()
		}
	default:
	}
	return nil
}

func (l *listener) URL() string { return l.cfg.text }

// Successive says that the connections are those of one port.
func (l *listener) Successive() bool { return true }

func (l *listener) errClosed() error {
	return fmt.Errorf("serial: no more connections at %s: %w", l.cfg.label(), carrier.ErrClosed)
}
