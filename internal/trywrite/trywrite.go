// Package trywrite writes to sockets and pipes without waiting for them.
package trywrite

import "syscall"

// A Writer writes to one descriptor. One goroutine at a time uses it.
type Writer struct {
	conn syscall.RawConn
	buf  []byte
	n    int
	err  error
	fn   func(fd uintptr) bool // made once, so that a write allocates nothing
}

// New returns a Writer, or nil where the system has no such writes. c must be in
// non-blocking mode, as all sockets of package net and all pipes of package os are.
func New(c syscall.Conn) *Writer {
	if !supported {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	w := &Writer{conn: raw}
	w.fn = func(fd uintptr) bool {
		w.n, w.err = writeFD(fd, w.buf)
		return true
	}
	return w
}

// TryWrite writes what is taken of b at once and returns how much that was. Zero and no
// error: nothing just now.
func (w *Writer) TryWrite(b []byte) (int, error) {
	w.buf, w.n, w.err = b, 0, nil
	err := w.conn.Write(w.fn)
	w.buf = nil
	if err == nil {
		err = w.err
	}
	return w.n, err
}
