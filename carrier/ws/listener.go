package ws

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// A Listener is an http.Handler that accepts WebSocket connections, and the
// carrier.Listener they come out of. Mount it in a server of yours and hand it to a
// router:
//
//	l := ws.NewListener(ws.Options{})
//	mux.Handle("/sig", l)
//
// Close it before or after the server: it turns away whoever comes later.
type Listener struct {
	options Options
	conns   chan carrier.Conn

	refused atomic.Uint64 // requests
	late    atomic.Uint64 // connections that nobody accepted in time

	mu     sync.Mutex
	done   chan struct{}  // closed by Close
	closed bool           // under mu
	wg     sync.WaitGroup // of requests being answered; grows under mu while not closed
}

// NewListener makes a Listener.
func NewListener(o Options) *Listener {
	return &Listener{options: o, conns: make(chan carrier.Conn), done: make(chan struct{})}
}

// ServeHTTP answers the handshake and waits until Accept takes the connection, for at
// most HandshakeTimeout.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !l.enter() {
		l.refused.Add(1)
		l.options.refuse(w, r, http.StatusServiceUnavailable, errors.New("shutting down"))
		return
	}
	defer l.wg.Done()
	conn := l.options.accept(w, r)
	if conn == nil {
		l.refused.Add(1)
		return
	}
	late := time.NewTimer(l.options.handshakeTimeout())
	defer late.Stop()
	select {
	case l.conns <- conn:
	case <-l.done:
		turnAway(conn, closeGoingAway, "shutting down")
	case <-late.C:
		l.late.Add(1)
		turnAway(conn, closeTryLater, "too many connections at once; try again later")
	}
}

func turnAway(c carrier.Conn, code int, reason string) {
	_ = c.(carrier.ReasonCloser).CloseReason(code, reason)
}

func (l *Listener) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.wg.Add(1)
	return true
}

// Accept waits for a connection.
func (l *Listener) Accept() (carrier.Conn, error) {
	select {
	case <-l.done:
		return nil, carrier.ErrClosed
	default:
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, carrier.ErrClosed
	}
}

// Close ends Accept, turns away those who wait for it, and returns when they are gone.
// Connections that Accept returned stay.
func (l *Listener) Close() error {
	l.shut()
	l.wg.Wait()
	return nil
}

// shut begins Close.
func (l *Listener) shut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.done)
	}
}

// Refused returns how many requests were refused, or turned away because nobody accepted
// them in time.
func (l *Listener) Refused() uint64 { return l.refused.Load() + l.late.Load() }

// URL returns Options.URL.
func (l *Listener) URL() string { return l.options.URL }
