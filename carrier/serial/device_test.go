package serial

import (
	"io"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	lib "go.bug.st/serial"
)

// A libPort stands for the library's port, with its habits.
type libPort struct {
	lib.Port // nil: what is not overridden is not called
	read     func([]byte) (int, error)
	write    func([]byte) (int, error)
	closed   chan struct{}
	closes   atomic.Int32
}

func newLibPort() *libPort { return &libPort{closed: make(chan struct{})} }

func (p *libPort) Read(b []byte) (int, error)  { return p.read(b) }
func (p *libPort) Write(b []byte) (int, error) { return p.write(b) }
func (p *libPort) Close() error {
	p.closes.Add(1)
	close(p.closed)
	return nil
}

// portClosed returns what Read of a closed port returns: the library has no other way
// to make this error.
func portClosed(t *testing.T) error {
	t.Helper()
	b := newBoard(t)
	p, err := lib.Open(b.path, &lib.Mode{BaudRate: 9600})
	require.NoError(t, err)
	require.NoError(t, p.Close())
	_, err = p.Read(make([]byte, 1))
	require.Error(t, err)
	return err
}

func TestPortDeviceRead(t *testing.T) {
	gone := portClosed(t)
	p := newLibPort()
	d := &portDevice{port: p}
	buf := make([]byte, 4)

	replies := []func() (int, error){
		func() (int, error) { return 0, nil }, // a timeout is no data
		func() (int, error) { return 3, nil },
	}
	p.read = func([]byte) (int, error) {
		r := replies[0]
		replies = replies[1:]
		return r()
	}
	n, err := d.Read(buf)
	require.Equal(t, 3, n)
	require.NoError(t, err)

	p.read = func([]byte) (int, error) { return 0, gone }
	_, err = d.Read(buf)
	require.ErrorIs(t, err, io.EOF, "unplugged")

	var none []byte
	p.read = func([]byte) (int, error) { return int(none[0]), nil }
	_, err = d.Read(buf)
	require.ErrorContains(t, err, "panicked")

	p.read = func([]byte) (int, error) { <-p.closed; return 0, gone }
	done := make(chan error)
	go func() { _, err := d.Read(buf); done <- err }()
	require.NoError(t, d.Close())
	require.ErrorIs(t, <-done, os.ErrClosed, "we closed it")
	_, err = d.Read(buf)
	require.ErrorIs(t, err, os.ErrClosed)
	require.NoError(t, d.Close())
	require.EqualValues(t, 1, p.closes.Load())
}

func TestPortDeviceWrite(t *testing.T) {
	p := newLibPort()
	d := &portDevice{port: p}
	p.write = func(b []byte) (int, error) { return len(b) - 1, nil }
	_, err := d.Write([]byte("abc"))
	require.ErrorIs(t, err, io.ErrShortWrite)

	p.write = func([]byte) (int, error) { <-p.closed; return 1, nil }
	done := make(chan error)
	go func() { _, err := d.Write([]byte("abc")); done <- err }()
	require.NoError(t, d.Close())
	require.ErrorIs(t, <-done, os.ErrClosed)

	p.write = func([]byte) (int, error) { t.Error("a write after Close reached the port"); return 0, nil }
	_, err = d.Write([]byte("abc"))
	require.ErrorIs(t, err, os.ErrClosed)
}

func TestPortDeviceWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLibPort()
		d := &portDevice{port: p}
		p.write = func([]byte) (int, error) { <-p.closed; return 1, nil }
		require.NoError(t, d.SetWriteDeadline(time.Now().Add(time.Second)))
		_, err := d.Write([]byte("abc"))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}
