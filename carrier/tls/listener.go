package tls

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/certs"
	"github.com/sigrouter/sigrouter/internal/gate"
	"github.com/sigrouter/sigrouter/internal/sock"
)

// A Listener accepts TLS connections. Each handshake has a goroutine of its own, so that
// whoever is slow in it holds up nobody else.
type Listener struct {
	ln     net.Listener
	scheme Scheme
	certs  *certs.Server
	gate   *gate.Gate

	failed   atomic.Uint64 // handshakes
	accepted chan accepted
	ctx      context.Context // ends with Close; handshakes do too
	stop     context.CancelFunc
	wg       sync.WaitGroup // of accept and shake
}

// accepted is what Accept returns.
type accepted struct {
	conn carrier.Conn
	err  error
}

func newListener(ln net.Listener, s Scheme, c *certs.Server) *Listener {
	l := &Listener{ln: ln, scheme: s, certs: c, gate: gate.New(s.MaxHandshakes, s.MaxHandshakesAddress), accepted: make(chan accepted)}
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.wg.Go(l.accept)
	return l
}

// accept ends when ln is closed.
func (l *Listener) accept() {
	config := l.certs.Config()
	for {
		nc, err := l.ln.Accept()
		switch {
		case errors.Is(err, net.ErrClosed) || l.ctx.Err() != nil:
			if nc != nil {
				_ = nc.Close()
			}
			return
		case err != nil:
			l.deliver(nil, err) // whoever accepts pauses, and so do we
			continue
		case !l.gate.Enter(l.ctx.Done(), nc.RemoteAddr()):
			_ = nc.Close()
			continue
		}
		sock.SetUserTimeout(nc)
		l.wg.Go(func() { l.shake(tls.Server(nc, config)) })
	}
}

// shake ends with the handshake's limit, or when Accept takes the connection, or with
// Close.
func (l *Listener) shake(c *tls.Conn) {
	defer l.gate.Leave(c.RemoteAddr())
	if err := l.scheme.shake(l.ctx, c); err != nil {
		if l.ctx.Err() != nil {
			return
		}
		l.failed.Add(1)
		if l.scheme.Log != nil {
			l.scheme.Log.Warn("TLS handshake failed", "remote", c.RemoteAddr().String(), "err", err)
		}
		return
	}
	l.deliver(newConn(c), nil)
}

func (l *Listener) deliver(c carrier.Conn, err error) {
	select {
	case l.accepted <- accepted{c, err}:
	case <-l.ctx.Done():
		if c != nil {
			_ = c.Close()
		}
	}
}

// Accept waits for a connection whose handshake is done.
func (l *Listener) Accept() (carrier.Conn, error) {
	if l.ctx.Err() != nil {
		return nil, carrier.ErrClosed
	}
	select {
	case a := <-l.accepted:
		return a.conn, a.err
	case <-l.ctx.Done():
		return nil, carrier.ErrClosed
	}
}

// Close ends Accept and the handshakes under way. Connections that Accept returned stay.
func (l *Listener) Close() error {
	l.stop()
	err := l.ln.Close()
	l.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Reload reads the certificate files again, for handshakes that start from now on. When
// one of them is no good it fails, and all stays as it was. Connections stay as they are.
func (l *Listener) Reload() error { return l.certs.Reload() }

// Refused returns how many connections did not get past the handshake: it failed, or their
// address had too many at it.
func (l *Listener) Refused() uint64 { return l.failed.Load() + l.gate.Refused() }

// URL returns the address to dial.
func (l *Listener) URL() string { return "tls://" + l.ln.Addr().String() }
