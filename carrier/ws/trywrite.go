package ws

import (
	"net"
	"syscall"
)

// A tryWriter writes to a socket without waiting for it. One goroutine at a time uses it.
type tryWriter struct {
	conn syscall.RawConn
	buf  []byte
	n    int
	err  error
	fn   func(fd uintptr) bool // made once, so that a write allocates nothing
}

// newTryWriter returns nil when nc cannot be written to in this way: a TLS connection
// turns each write into records, which have to go out whole.
func newTryWriter(nc net.Conn) *tryWriter {
	if !canTryWrite {
		return nil
	}
	var raw syscall.RawConn
	var err error
	switch c := nc.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	w := &tryWriter{conn: raw}
	w.fn = func(fd uintptr) bool {
		w.n, w.err = tryWriteFD(fd, w.buf)
		return true
	}
	return w
}

// write returns how much of b the socket took, perhaps nothing.
func (w *tryWriter) write(b []byte) (int, error) {
	w.buf, w.n, w.err = b, 0, nil
	err := w.conn.Write(w.fn)
	w.buf = nil
	if err == nil {
		err = w.err
	}
	return w.n, err
}
