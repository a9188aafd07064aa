package gate

import (
	"net"

	"github.com/sigrouter/sigrouter/internal/sock"
)

// A Listener accepts only as many connections as its Gate lets in at once, and sets them up
// as sockets of this project are. Whoever accepts one calls Leave.
type Listener struct {
	net.Listener
	Gate *Gate
	Done <-chan struct{} // closed when nobody waits any more
}

// Accept waits for a connection that may enter.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.Gate.Enter(l.Done, c.RemoteAddr()) {
			sock.SetUserTimeout(c)
			return c, nil
		}
		_ = c.Close()
	}
}
