//go:build unix

package serial

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	lib "go.bug.st/serial"
	"golang.org/x/sys/unix"
)

// openDevice opens a port. Reading and writing go through a file of our own in Go's
// poller, where Close and deadlines end a blocked Read and Write and descriptor numbers
// have no bound; the library only sets the port up. Its own descriptor would be inherited
// by child processes, so none may be started while it is open.
func openDevice(name string, c *config, flush bool) (*opened, error) {
	if err := checkNode(name); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, explain(name, err)
	}
	o := &opened{device: &fileDevice{f}}
	if err := o.setUp(name, c, flush); err != nil {
		f.Close()
		return nil, explain(name, err)
	}
	if err := claim(f); err != nil {
		f.Close()
		return nil, explain(name, err)
	}
	return o, nil
}

// checkNode refuses what can be no port before it is opened: opening alone has effects
// on files of other kinds.
func checkNode(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return explain(name, err)
	}
	if info.Mode()&os.ModeCharDevice == 0 {
		return fmt.Errorf("serial port %s: this is no device but a %s", name, kind(info.Mode()))
	}
	return nil
}

func kind(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m.IsRegular():
		return "regular file"
	}
	return "file of another kind"
}

func (o *opened) setUp(name string, c *config, flush bool) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	p, err := lib.Open(name, &c.mode)
	if err != nil {
		return err
	}
	defer p.Close()
	o.notes = setLines(p, c, nil)
	if _, err := p.GetModemStatusBits(); err == nil {
		o.resets = true
	}
	if flush {
		if err := p.ResetInputBuffer(); err != nil {
			o.notes = append(o.notes, fmt.Sprintf("old input was not cleared: %v", err))
		}
	}
	return nil
}

// claim keeps other programs away: those that open the port later by TIOCEXCL, unless
// they are root's, and those that also lock by flock.
func claim(f *os.File) error {
	if err := f.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("it cannot be polled: %w", err)
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var lock error
	err = raw.Control(func(fd uintptr) {
		lock = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB)
		_ = unix.IoctlSetInt(int(fd), unix.TIOCEXCL, 0) // a pseudo terminal may not know it
	})
	if errors.Is(lock, unix.EWOULDBLOCK) {
		return syscall.EBUSY
	}
	return err
}

// A fileDevice reports a port that has gone as io.EOF.
type fileDevice struct{ *os.File }

// Read reads what has arrived, at least one byte.
func (d *fileDevice) Read(p []byte) (int, error) {
	n, err := d.File.Read(p)
	if errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.ENODEV) {
		err = io.EOF
	}
	return n, err
}
