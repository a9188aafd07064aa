package router_test

import (
	"context"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

type contextType = context.Context

func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

// hangingDialer makes connections that can be made to hang: what is sent goes nowhere,
// and nothing comes, but nothing is closed either.
type hangingDialer struct {
	t       *testing.T
	schemes carrier.Schemes
	mu      sync.Mutex
	conns   []*hangingConn
}

func (d *hangingDialer) Schemes() []string { return []string{"tcp"} }

func (d *hangingDialer) Listen(context.Context, *url.URL) (carrier.Listener, error) {
	panic("not used")
}

func (d *hangingDialer) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	c, err := d.schemes.Dial(ctx, u.String())
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	h := &hangingConn{Conn: c, hung: make(chan struct{}), closed: make(chan struct{})}
	d.conns = append(d.conns, h)
	return h, nil
}

func (d *hangingDialer) hang() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		close(c.hung)
	}
	d.conns = nil
}

// hangingConn is a plain Conn, without any optional interface.
type hangingConn struct {
	carrier.Conn
	hung, closed chan struct{}
	once         sync.Once
}

func (c *hangingConn) Send(frame []byte) error {
	select {
	case <-c.hung:
		return nil
	default:
		return c.Conn.Send(frame)
	}
}

func (c *hangingConn) Recv() ([]byte, error) {
	frame, err := c.Conn.Recv()
	select {
	case <-c.hung:
		<-c.closed
		return nil, carrier.ErrClosed
	default:
		return frame, err
	}
}

// Close leaves the real connection open, as a cut cable does.
func (c *hangingConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	select {
	case <-c.hung:
		return nil
	default:
		return c.Conn.Close()
	}
}
