package serial

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	lib "go.bug.st/serial"
)

// errAbsent reports that the port is not there, or not now: worth waiting for.
var errAbsent = errors.New("not plugged in")

// A device is an open port. Close ends Read and Write wherever they are; Read then
// fails with os.ErrClosed, and with io.EOF when the port has gone. Write takes all or
// fails.
type device interface {
	io.ReadWriteCloser
	SetWriteDeadline(t time.Time) error
}

// An opened device with what was learnt on the way.
type opened struct {
	device
	resets bool     // it has modem lines, so opening it may have reset the board behind it
	notes  []string // settings that the port does not have
}

// explain turns an error of opening into one that says what to do, or into errAbsent.
func explain(name string, err error) error {
	var pe *lib.PortError
	code := lib.PortErrorCode(-1)
	if errors.As(err, &pe) {
		code = pe.Code()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), code == lib.PortNotFound, errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.EIO):
		return fmt.Errorf("serial port %s: %w", name, errAbsent)
	case errors.Is(err, fs.ErrPermission), code == lib.PermissionDenied:
		return fmt.Errorf("serial port %s: permission denied; on Linux the user must be in the port's group, often dialout: %w", name, err)
	case errors.Is(err, syscall.EBUSY), code == lib.PortBusy:
		return fmt.Errorf("serial port %s: in use by another program: %w", name, err)
	case code == lib.InvalidSerialPort:
		return fmt.Errorf("serial port %s: not a serial port, or it cannot do these settings: %w", name, err)
	}
	return fmt.Errorf("serial port %s: %w", name, err)
}

// setLines sets DTR and RTS as far as asked for. A port without such lines, a pseudo
// terminal for instance, is left as it is, and a note says so.
func setLines(p lib.Port, c *config, notes []string) []string {
	for _, l := range []struct {
		name string
		on   *bool
		set  func(bool) error
	}{{"dtr", c.dtr, p.SetDTR}, {"rts", c.rts, p.SetRTS}} {
		if l.on == nil {
			continue
		}
		if err := l.set(*l.on); err != nil {
			notes = append(notes, fmt.Sprintf("%s has no effect: %v", l.name, err))
		}
	}
	return notes
}

// A portDevice is a device where the library's port has to do the reading and writing
// itself, on Windows. It makes up for what that port does not do: it refuses Write after
// Close, tells "we closed" from "unplugged", reports short writes, has write deadlines
// (by closing) and survives a panic in Read.
type portDevice struct {
	port lib.Port

	mu       sync.Mutex
	closed   bool
	deadline time.Time
}

func (d *portDevice) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

func (d *portDevice) Read(p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			n, err = 0, fmt.Errorf("the serial library panicked: %v", r)
		}
	}()
	for {
		if d.isClosed() {
			return 0, os.ErrClosed
		}
		n, err = d.port.Read(p)
		var pe *lib.PortError
		switch {
		case n > 0:
			return n, nil
		case d.isClosed():
			return 0, os.ErrClosed
		case errors.As(err, &pe) && pe.Code() == lib.PortClosed:
			return 0, io.EOF
		case err != nil:
			return 0, err
		}
	}
}

func (d *portDevice) Write(p []byte) (int, error) {
	d.mu.Lock()
	closed, deadline := d.closed, d.deadline
	d.mu.Unlock()
	if closed {
		return 0, os.ErrClosed
	}
	if !deadline.IsZero() {
		late := time.AfterFunc(time.Until(deadline), func() { d.Close() })
		defer late.Stop()
	}
	n, err := d.port.Write(p)
	switch {
	case err == nil && n == len(p):
		return n, nil
	case d.isClosed() && !deadline.IsZero() && !time.Now().Before(deadline):
		return n, os.ErrDeadlineExceeded
	case d.isClosed():
		return n, os.ErrClosed
	case err == nil:
		return n, io.ErrShortWrite
	}
	return n, err
}

// SetWriteDeadline bounds the writes that begin afterwards.
func (d *portDevice) SetWriteDeadline(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deadline = t
	return nil
}

func (d *portDevice) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	d.mu.Unlock()
	return d.port.Close()
}
