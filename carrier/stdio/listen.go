package stdio

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// A childListener runs a command again and again.
type childListener struct {
	url    string
	scheme *Scheme
	argv   []string
	turn   chan *child   // holds a value while no connection is out: the child before, or nil
	done   chan struct{} // closed by Close
	once   sync.Once

	pause time.Duration // before the next start; of whoever holds the turn
}

var _ carrier.Successive = (*childListener)(nil)

func newChildListener(url string, s *Scheme, argv []string) *childListener {
	l := &childListener{url: url, scheme: s, argv: argv, turn: make(chan *child, 1), done: make(chan struct{})}
	l.turn <- nil
	return l
}

// Accept starts the command, again when its last connection was closed.
func (l *childListener) Accept() (carrier.Conn, error) {
	var last *child
	select {
	case <-l.done:
		return nil, l.errClosed()
	case last = <-l.turn:
	}
	c, err := l.next(last)
	if err != nil {
		l.turn <- last
		return nil, err
	}
	c.released = func() { l.turn <- c }
	return c.conn(), nil
}

// next starts a child when it is time to.
func (l *childListener) next(last *child) (*child, error) {
	if last != nil {
		if !l.scheme.Restart.again(last.err) {
			l.scheme.logger().Info("child is not started again", "command", last.name)
			l.Close()
		} else if err := l.rest(last.lived); err != nil {
			return nil, err
		}
	}
	for {
		select {
		case <-l.done:
			return nil, l.errClosed()
		default:
		}
		c, err := l.scheme.start(l.argv)
		if err == nil {
			return c, nil
		}
		l.scheme.logger().Warn("child cannot be started, trying again", "err", err)
		if err := l.rest(0); err != nil {
			return nil, err
		}
	}
}

// rest pauses: longer each time, unless the child before lived long.
func (l *childListener) rest(lived time.Duration) error {
	least, most := l.scheme.pauses()
	if lived >= most {
		l.pause = 0
	}
	l.pause = min(max(2*l.pause, least), most)
	t := time.NewTimer(l.pause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-l.done:
		return l.errClosed()
	}
}

// Close ends Accept. A child that runs stays, with its connection.
func (l *childListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *childListener) URL() string { return l.url }

// Successive says that a child takes the place of the one before.
func (l *childListener) Successive() bool { return true }

func (l *childListener) errClosed() error {
	return fmt.Errorf("%s: no more connections: %w", l.url, carrier.ErrClosed)
}

// An ownListener hands out this process's standard input and output, once.
type ownListener struct {
	turn chan io.ReadWriteCloser // holds them until somebody has the connection
	done chan struct{}           // closed by Close, and when the connection is closed
	once sync.Once
}

func newOwnListener(rwc io.ReadWriteCloser) *ownListener {
	l := &ownListener{turn: make(chan io.ReadWriteCloser, 1), done: make(chan struct{})}
	l.turn <- rwc
	return l
}

// Accept returns the connection; called again it waits for its end, since there will
// be no other.
func (l *ownListener) Accept() (carrier.Conn, error) {
	select {
	case <-l.done:
		return nil, fmt.Errorf("stdio: no more connections: %w", carrier.ErrClosed)
	case rwc := <-l.turn:
		return newStandard(rwc, func() { l.Close() }), nil
	}
}

// Close ends Accept. The connection stays.
func (l *ownListener) Close() (err error) {
	l.once.Do(func() {
		close(l.done)
		select {
		case rwc := <-l.turn:
			err = rwc.Close()
		default:
		}
	})
	return err
}

// Done returns a channel that is closed when there is, or will be, no connection any
// more: a router started by a program that has gone may stop then.
func (l *ownListener) Done() <-chan struct{} { return l.done }

// URL returns "stdio:".
func (l *ownListener) URL() string { return "stdio:" }
