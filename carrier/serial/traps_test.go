//go:build unix

package serial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/needs"
)

// The library's own reading panics when a descriptor's number is 1,024 or more.
func TestTrapHighDescriptors(t *testing.T) {
	b := newBoard(t)
	for range 1100 {
		f, err := os.Open(os.DevNull)
		if errors.Is(err, syscall.EMFILE) {
			needs.Skip(t, "this process may not have 1,100 descriptors")
		}
		require.NoError(t, err)
		defer f.Close()
	}
	c := dial(t, b.url())
	require.Greater(t, descriptorOf(t, c), 1023, "the port's number is too low to show anything")
	b.print(t, "{\"id\":1,\"status\":0}\n")
	require.Equal(t, `{"id":1,"status":0}`, recv(t, c))
	require.NoError(t, c.Send([]byte(`{"id":2}`)))
	require.Equal(t, `{"id":2}`, b.line(t))
}

func descriptorOf(t *testing.T, c carrier.Conn) (number int) {
	t.Helper()
	raw, err := c.(*conn).port.dev.(*fileDevice).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { number = int(fd) }))
	return number
}

// The library's Close leaves a blocked Write blocked.
func TestTrapCloseDuringWrite(t *testing.T) {
	b := newBoard(t)
	c := dial(t, b.url())
	sent := make(chan error, 1)
	go func() { sent <- c.Send(bigFrame()) }()
	_, err := b.Read(make([]byte, 4096)) // it has begun, and the rest does not fit
	require.NoError(t, err)
	within(t, "Close", c.Close)
	within(t, "Send", func() error {
		require.ErrorIs(t, <-sent, carrier.ErrClosed)
		return nil
	})
}

// The library's Write after Close goes to whatever has the number by then.
func TestTrapWriteAfterClose(t *testing.T) {
	b := newBoard(t)
	c := dial(t, b.url())
	number := descriptorOf(t, c)
	require.NoError(t, c.Close())

	heir := -1
	for range 64 { // somebody else gets the number
		r, w, err := os.Pipe()
		require.NoError(t, err)
		defer r.Close()
		defer w.Close()
		if int(r.Fd()) == number || int(w.Fd()) == number {
			heir = number
		}
		defer func() {
			w.Close()
			got, err := io.ReadAll(r)
			require.NoError(t, err)
			require.Empty(t, got, "bytes in a stranger's pipe")
		}()
	}
	require.Equal(t, number, heir, "nobody got the number, so nothing is shown")
	require.ErrorIs(t, c.Send([]byte(`{"id":1}`)), carrier.ErrClosed)
	require.ErrorIs(t, c.(carrier.BatchSender).SendBatch([]byte("{}\n")), carrier.ErrClosed)
	require.ErrorIs(t, recvErr(t, c), carrier.ErrClosed)
}

// The library's Write says "11,776 bytes, no error" when the device goes.
func TestTrapShortWrite(t *testing.T) {
	b := newBoard(t)
	c := dial(t, b.url())
	sent := make(chan error, 1)
	go func() { sent <- c.Send(bigFrame()) }()
	_, err := b.Read(make([]byte, 4096))
	require.NoError(t, err)
	require.NoError(t, b.Close())
	within(t, "Send", func() error {
		require.Error(t, <-sent)
		return nil
	})
}

func TestTrapSilentShortWrite(t *testing.T) {
	cfg, err := parse(mustParse(t, "serial:///dev/x"))
	require.NoError(t, err)
	p := newPort("/dev/x", cfg, &Scheme{Log: quiet()}, shortDevice{}, 0)
	require.ErrorIs(t, p.write([]byte("{}\n")), io.ErrShortWrite)
	require.True(t, p.cutOff)
}

// The library says PortClosed both when we close the port and when it is unplugged.
func TestTrapUnpluggedOrClosed(t *testing.T) {
	b := newBoard(t)
	c := dial(t, b.url())
	require.NoError(t, b.Close())
	err := recvErr(t, c)
	require.ErrorIs(t, err, io.EOF)
	require.NotErrorIs(t, err, carrier.ErrClosed)
	require.Error(t, c.Send([]byte("{}")))

	c = dial(t, newBoard(t).url())
	failed := make(chan error, 1)
	go func() { _, err := c.Recv(); failed <- err }()
	require.NoError(t, c.Close())
	require.ErrorIs(t, <-failed, carrier.ErrClosed)
	require.NoError(t, c.Close())
}

// The library opens without close-on-exec and keeps three descriptors: a child process
// would hold the port, and a port unplugged in the meantime would keep its name.
func TestOneDescriptorThatChildrenDoNotInherit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	b := newBoard(t)
	c := dial(t, b.url())
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	count := 0
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name())); err == nil && to == b.path {
			count++
		}
	}
	require.Equal(t, 1, count)
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(descriptorOf(t, c)), syscall.F_GETFD, 0)
	require.Zero(t, errno)
	require.NotZero(t, flags&syscall.FD_CLOEXEC)
}

// Settings that a pseudo terminal does not have are no error, or no test could run.
func TestModemLinesAreOptional(t *testing.T) {
	b := newBoard(t)
	c := dial(t, b.url()+"?dtr=off&rts=on")
	require.NoError(t, c.Send([]byte("{}")))
	require.Equal(t, "{}", b.line(t))
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct{ path, says string }{
		{dir, "this is no device but a directory"},
		{file, "this is no device but a regular file"},
		{os.DevNull, "not a serial port"},
	} {
		u := mustParse(t, "serial://"+c.path)
		_, err := Scheme{Log: quiet()}.Listen(context.Background(), u)
		require.ErrorContains(t, err, c.says)
		_, err = Scheme{Log: quiet()}.Dial(context.Background(), u)
		require.ErrorContains(t, err, c.says)
	}
	missing := mustParse(t, "serial://"+filepath.Join(dir, "ttyUSB0"))
	_, err := Scheme{Log: quiet()}.Dial(context.Background(), missing)
	require.ErrorIs(t, err, errAbsent)
	missing.RawQuery = "reopen=off"
	_, err = Scheme{Log: quiet()}.Listen(context.Background(), missing)
	require.ErrorIs(t, err, errAbsent)
}

func TestPermissionDenied(t *testing.T) {
	err := explain("/dev/ttyUSB0", &os.PathError{Op: "open", Path: "/dev/ttyUSB0", Err: syscall.EACCES})
	require.ErrorContains(t, err, "dialout")
	require.NotErrorIs(t, err, errAbsent)
}

// A port has one owner, even when both are root, for whom TIOCEXCL is no bar.
func TestPortInUse(t *testing.T) {
	b := newBoard(t)
	c := dial(t, b.url())
	_, err := Scheme{Log: quiet()}.Dial(context.Background(), mustParse(t, b.url()))
	require.ErrorContains(t, err, "in use")
	require.NoError(t, c.Close())
	dial(t, b.url())
}

// Many speeds, the odd ones too.
func TestSpeeds(t *testing.T) {
	for _, baud := range []int{9600, 115200, 250000, 1000000} {
		b := newBoard(t)
		c := dial(t, fmt.Sprintf("%s?baud=%d", b.url(), baud))
		b.print(t, "{}\n")
		require.Equal(t, "{}", recv(t, c))
	}
}
