package carrier_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/internal/wire"
)

// A deviceListener is at the line of one device: the next connection is there when the one before was closed.
type deviceListener struct {
	turn   chan carrier.Conn
	closed context.Context
	close  func()
}

func (l *deviceListener) Accept() (carrier.Conn, error) {
	select {
	case c := <-l.turn:
		return &deviceConn{Conn: c, l: l}, nil
	case <-l.closed.Done():
		return nil, carrier.ErrClosed
	}
}

func (l *deviceListener) Close() error     { l.close(); return nil }
func (l *deviceListener) URL() string      { return "device:" }
func (l *deviceListener) Successive() bool { return true }

type deviceConn struct {
	carrier.Conn
	l *deviceListener
}

func (c *deviceConn) Close() error {
	err := c.Conn.Close()
	next, _ := local.Pair()
	select {
	case c.l.turn <- next:
	default: // closed again
	}
	return err
}

// A slowBook is a handler that takes its time to note that a peer has gone.
type slowBook struct {
	notes chan string
	peers chan *carrier.Peer
	gone  chan struct{} // what it waits for
}

func (b *slowBook) Connected(p *carrier.Peer) error {
	b.notes <- "came"
	b.peers <- p
	return nil
}

func (b *slowBook) Message(*carrier.Peer, *wire.Msg) {}

func (b *slowBook) Disconnected(*carrier.Peer, error) {
	<-b.gone
	b.notes <- "went"
}

// TestSuccessive closes a connection from this end, as a failed write does while the far
// end begins anew. The next must not begin before the handler is done with this one: it would
// find that its sender is there already, by itself.
func TestSuccessive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &deviceListener{turn: make(chan carrier.Conn, 1)}
		l.closed, l.close = context.WithCancel(t.Context())
		first, _ := local.Pair()
		l.turn <- first
		book := &slowBook{notes: make(chan string, 10), peers: make(chan *carrier.Peer, 10), gone: make(chan struct{})}
		e := carrier.NewEngine(book, carrier.Options{})
		served := make(chan error, 1)
		go func() { served <- e.Serve(l) }()
		defer func() {
			close(book.gone)
			require.NoError(t, e.Shutdown(context.Background(), "test"))
			require.NoError(t, <-served)
		}()

		require.Equal(t, "came", <-book.notes)
		(<-book.peers).Close(errors.New("a write failed"))
		synctest.Wait()
		require.Empty(t, book.notes, "it has not gone, and nobody takes its place")
		book.gone <- struct{}{}
		require.Equal(t, "went", <-book.notes)
		require.Equal(t, "came", <-book.notes)
	})
}
