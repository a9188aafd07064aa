package carriertest

import (
	"context"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// Conn gives a connection faults. They hit whole frames; for faults within frames wrap
// the byte stream below with Stream.
func (in *Injector) Conn(c carrier.Conn) carrier.Conn {
	f := &faultyConn{inner: c}
	f.max.Store(-1)
	f.link = in.join(connEnd{c}, true)
	return f
}

// faultyConn has the optional interfaces of the Conn it wraps, but for those that send
// and receive in other ways.
type faultyConn struct {
	inner    carrier.Conn
	link     *link
	closed   atomic.Bool
	max      atomic.Int64
	deadline deadline
}

func (f *faultyConn) Send(frame []byte) error {
	if f.closed.Load() {
		return carrier.ErrClosed
	}
	err := f.link.out.put(frame, f.deadline.passed())
	if err != nil && f.closed.Load() {
		return carrier.ErrClosed
	}
	return err
}

func (f *faultyConn) Recv() ([]byte, error) {
	b, err := f.link.back.take()
	switch most := f.max.Load(); {
	case f.closed.Load():
		return nil, carrier.ErrClosed
	case err == nil && most >= 0 && int64(len(b)) > most:
		return nil, sig.Errorf(sig.ErrLimit, "a frame of %d bytes is longer than %d", len(b), most)
	}
	return b, err
}

func (f *faultyConn) Close() error {
	f.closed.Store(true)
	f.link.close()
	return nil
}

func (f *faultyConn) SetWriteDeadline(t time.Time) error {
	f.deadline.set(t)
	return nil
}

func (f *faultyConn) SetMaxFrame(n int) {
	if l, ok := find[carrier.Limiter](f.inner); ok {
		l.SetMaxFrame(n)
		return
	}
	f.max.Store(int64(n))
}

func (f *faultyConn) Info() carrier.Info {
	if d, ok := find[carrier.Describer](f.inner); ok {
		return d.Info()
	}
	return carrier.Info{}
}

func (f *faultyConn) TextOnly() bool {
	t, ok := find[carrier.TextOnly](f.inner)
	return ok && t.TextOnly()
}

func (f *faultyConn) Lossy() bool {
	l, ok := find[carrier.Lossy](f.inner)
	return ok && l.Lossy()
}

func (f *faultyConn) Counters() map[string]uint64 {
	if c, ok := find[carrier.Counter](f.inner); ok {
		return c.Counters()
	}
	return nil
}

// find finds an optional interface of a Conn.
func find[T any](c carrier.Conn) (T, bool) {
	for {
		if t, ok := c.(T); ok {
			return t, true
		}
		u, ok := c.(interface{ Unwrap() carrier.Conn })
		if !ok {
			var none T
			return none, false
		}
		c = u.Unwrap()
	}
}

type connEnd struct{ c carrier.Conn }

func (e connEnd) send(b []byte) error   { return e.c.Send(b) }
func (e connEnd) recv() ([]byte, error) { return e.c.Recv() }
func (e connEnd) close() error          { return e.c.Close() }
func (e connEnd) abort()                { _ = e.c.Close() }

// Scheme gives faults to the connections that a carrier makes.
func (in *Injector) Scheme(s carrier.Scheme) carrier.Scheme { return faultyScheme{in, s} }

type faultyScheme struct {
	in *Injector
	carrier.Scheme
}

func (s faultyScheme) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	c, err := s.Scheme.Dial(ctx, u)
	if err != nil {
		return nil, err
	}
	return s.in.Conn(c), nil
}

func (s faultyScheme) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	l, err := s.Scheme.Listen(ctx, u)
	if err != nil {
		return nil, err
	}
	return faultyListener{s.in, l}, nil
}

type faultyListener struct {
	in *Injector
	carrier.Listener
}

func (l faultyListener) Accept() (carrier.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.in.Conn(c), nil
}

// Stream gives a byte stream faults.
func (in *Injector) Stream(c net.Conn) net.Conn {
	f := &faultyStream{Conn: c}
	f.link = in.join(&streamEnd{c: c, buf: make([]byte, 16<<10)}, false)
	return f
}

type faultyStream struct {
	net.Conn // for its addresses
	link     *link
	closed   atomic.Bool
	writing  sync.Mutex
	reading  sync.Mutex
	rd, wd   deadline
}

func (f *faultyStream) Write(b []byte) (int, error) {
	f.writing.Lock()
	defer f.writing.Unlock()
	n := 0
	for n < len(b) {
		if f.closed.Load() {
			return n, net.ErrClosed
		}
		part := b[n:min(len(b), n+4096)]
		if err := f.link.out.put(part, f.wd.passed()); err != nil {
			return n, err
		}
		n += len(part)
	}
	return n, nil
}

func (f *faultyStream) Read(b []byte) (int, error) {
	f.reading.Lock()
	defer f.reading.Unlock()
	if len(b) == 0 {
		return 0, nil
	}
	got, err := f.link.back.takeUntil(f.rd.passed(), len(b))
	if f.closed.Load() {
		return 0, net.ErrClosed
	}
	return copy(b, got), err
}

func (f *faultyStream) Close() error {
	f.closed.Store(true)
	f.link.close()
	return nil
}

func (f *faultyStream) SetDeadline(t time.Time) error {
	f.rd.set(t)
	f.wd.set(t)
	return nil
}

func (f *faultyStream) SetReadDeadline(t time.Time) error {
	f.rd.set(t)
	return nil
}

func (f *faultyStream) SetWriteDeadline(t time.Time) error {
	f.wd.set(t)
	return nil
}

type streamEnd struct {
	c   net.Conn
	buf []byte
}

func (e *streamEnd) send(b []byte) error {
	_, err := e.c.Write(b)
	return err
}

func (e *streamEnd) recv() ([]byte, error) {
	n, err := e.c.Read(e.buf)
	if n > 0 {
		return e.buf[:n], nil
	}
	return nil, err
}

func (e *streamEnd) close() error { return e.c.Close() }

func (e *streamEnd) abort() {
	if l, ok := e.c.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0) // what is not sent is lost, and the other end is told at once
	}
	_ = e.c.Close()
}

// A deadline is a point in time that may be moved.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	moved int
	done  chan struct{} // closed when it has passed
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.moved++
	if d.done == nil || isClosed(d.done) {
		d.done = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	if wait := time.Until(t); wait > 0 {
		moved := d.moved
		d.timer = time.AfterFunc(wait, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.moved == moved {
				close(d.done)
			}
		})
		return
	}
	close(d.done)
}

// passed returns a channel that is closed when the deadline has passed.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil {
		d.done = make(chan struct{})
	}
	return d.done
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
