//go:build unix

package stdio

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A standard reads from one descriptor and writes to another, which may be of any
// kind: pipes, sockets, terminals, files. To put them into non-blocking mode would do so
// for every process that shares them, a shell for instance. So each waits in poll
// before it is read or written, together with a pipe by which Close wakes it.
type standard struct {
	in, out  int
	free     bool // out is in non-blocking mode, for us alone
	wake     int  // read end: at its end from Close on
	waker    *os.File
	released func() // called once it is closed; may be nil

	use      sync.RWMutex // held for reading while the descriptors are in use
	mu       sync.Mutex
	closed   bool
	deadline time.Time // of Write
}

// takeStandard takes standard input and output away from the rest of the process, which
// is left with nothing to read, and prints to standard error.
func takeStandard() (io.ReadWriteCloser, error) {
	in, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("there is no standard input: %w", err)
	}
	out, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		unix.Close(in)
		return nil, fmt.Errorf("there is no standard output: %w", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err == nil {
		err = redirect(null)
		null.Close()
	}
	if err != nil {
		unix.Close(in)
		unix.Close(out)
		return nil, fmt.Errorf("cannot take standard input and output: %w", err)
	}
	return newDescriptors(in, out)
}

// redirect makes null standard input, and standard error, where there is one, standard
// output.
func redirect(null *os.File) error {
	if err := unix.Dup2(int(null.Fd()), 0); err != nil {
		return err
	}
	if unix.Dup2(2, 1) == nil {
		return nil
	}
	return unix.Dup2(int(null.Fd()), 1)
}

// newDescriptors owns the descriptors from now on.
func newDescriptors(in, out int) (*standard, error) {
	r, w, err := os.Pipe()
	if err == nil {
		defer r.Close()
		var wake int
		if wake, err = unix.FcntlInt(r.Fd(), unix.F_DUPFD_CLOEXEC, 3); err == nil {
			s := &standard{wake: wake, waker: w}
			s.in, _ = unblock(in, unix.O_RDONLY)
			s.out, s.free = unblock(out, unix.O_WRONLY)
			return s, nil
		}
		w.Close()
	}
	unix.Close(in)
	unix.Close(out)
	return nil, err
}

// wait waits until the descriptor can be used, at most until the deadline, unless that
// is zero. A negative limit means as long as it takes.
func (s *standard) wait(fd int, events int16, deadline time.Time) error {
	fds := []unix.PollFd{{Fd: int32(fd), Events: events}, {Fd: int32(s.wake), Events: unix.POLLIN}}
	for {
		ms := -1
		if !deadline.IsZero() {
			ms = int(max(0, time.Until(deadline)+time.Millisecond-1) / time.Millisecond)
		}
		n, err := unix.Poll(fds, ms)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return err
		case s.isClosed() || fds[1].Revents != 0:
			return os.ErrClosed
		case n == 0:
			return os.ErrDeadlineExceeded
		}
		return nil
	}
}

func (s *standard) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Read reads what is there.
func (s *standard) Read(p []byte) (int, error) {
	s.use.RLock()
	defer s.use.RUnlock()
	for {
		if s.isClosed() {
			return 0, os.ErrClosed
		}
		if err := s.wait(s.in, unix.POLLIN, time.Time{}); err != nil {
			return 0, err
		}
		n, err := unix.Read(s.in, p)
		switch {
		case again(err):
			continue
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// Write writes all of p.
func (s *standard) Write(p []byte) (n int, err error) {
	s.use.RLock()
	defer s.use.RUnlock()
	for n < len(p) {
		if s.isClosed() {
			return n, os.ErrClosed
		}
		if err := s.wait(s.out, unix.POLLOUT, s.writeDeadline()); err != nil {
			return n, err
		}
		m, err := s.writeSome(p[n:])
		if err != nil {
			return n, err
		}
		n += m
	}
	return n, nil
}

// TryWrite writes what is taken at once.
func (s *standard) TryWrite(p []byte) (n int, err error) {
	s.use.RLock()
	defer s.use.RUnlock()
	for n < len(p) {
		if s.isClosed() {
			return n, os.ErrClosed
		}
		err := s.wait(s.out, unix.POLLOUT, time.Unix(1, 0))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		m, err := s.writeSome(p[n:])
		if err != nil {
			return n, err
		}
		if n += m; m == 0 {
			return n, nil
		}
	}
	return n, nil
}

// blockingChunk is how much is written at a time to what may block: what POSIX promises
// that a pipe takes whole.
const blockingChunk = 512

// writeSome writes as much as can be taken. poll has said that it is not nothing.
func (s *standard) writeSome(p []byte) (n int, err error) {
	if s.free {
		n, err = unix.Write(s.out, p)
		if errors.Is(err, syscall.EAGAIN) { // less room than a write of one piece needs
			n, err = unix.Write(s.out, p[:1])
		}
	} else if n, err = send(s.out, p); errors.Is(err, syscall.ENOTSOCK) {
		n, err = unix.Write(s.out, p[:min(len(p), blockingChunk)])
	}
	if again(err) {
		return 0, nil
	}
	if err != nil {
		return 0, os.NewSyscallError("write", err)
	}
	return n, nil
}

func again(err error) bool {
	return errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.EAGAIN)
}

func (s *standard) writeDeadline() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deadline
}

// SetWriteDeadline bounds writes, from their next wait on.
func (s *standard) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	return nil
}

// Close ends Read and Write, and closes the descriptors when they have returned.
func (s *standard) Close() error {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.mu.Unlock()
	if already {
		return nil
	}
	s.waker.Close()
	s.use.Lock()
	defer s.use.Unlock()
	err := errors.Join(unix.Close(s.in), unix.Close(s.out), unix.Close(s.wake))
	if s.released != nil {
		s.released()
	}
	return err
}
