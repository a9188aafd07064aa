//go:build unix

package stdio

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/carriertest"
)

// descriptors joins two ends by two pipes, whose descriptors stay in blocking mode.
func descriptors(t *testing.T) (a, b *standard) {
	t.Helper()
	var there, back [2]int
	require.NoError(t, unix.Pipe(there[:]))
	require.NoError(t, unix.Pipe(back[:]))
	a, err := newDescriptors(back[0], there[1])
	require.NoError(t, err)
	b, err = newDescriptors(there[0], back[1])
	require.NoError(t, err)
	return a, b
}

func TestConnStandard(t *testing.T) {
	carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) {
		x, y := descriptors(t)
		return newStandard(x, nil), newStandard(y, nil)
	})
}

// TestConnSockets runs the contract over sockets, which some parents hand down.
func TestConnSockets(t *testing.T) {
	carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		require.NoError(t, err)
		var ends [2]*standard
		for i, fd := range fds {
			out, err := unix.Dup(fd)
			require.NoError(t, err)
			ends[i], err = newDescriptors(fd, out)
			require.NoError(t, err)
		}
		return newStandard(ends[0], nil), newStandard(ends[1], nil)
	})
}

// TestConnChild runs the contract with a real child between the two ends.
func TestConnChild(t *testing.T) {
	carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) {
		path := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", path)
		require.NoError(t, err)
		defer l.Close()
		s, address := helper(t, "relay", path)
		a = dial(t, s, address)
		far, err := l.Accept()
		require.NoError(t, err)
		return a, carrier.NewStream(far, carrier.Info{})
	})
}

// TestStandardIsTaken runs a program that prints while a router is at its standard
// output: nothing of that reaches the router.
func TestStandardIsTaken(t *testing.T) {
	log := &journal{}
	s, address := helper(t, "echo", "")
	s.Log = log.logger()
	c := dial(t, s, address)
	for range 3 {
		require.NoError(t, c.Send([]byte(`{"id":1}`)))
		require.Equal(t, `{"id":1}`, recv(t, c))
	}
	within(t, "Close", c.Close)
	require.Contains(t, log.String(), "a forgotten print")
	require.Contains(t, log.String(), "ended: EOF")
	require.NotContains(t, log.String(), "somebody else")
	require.Contains(t, log.String(), "exit status 0")
}

// TestStandardLeavesModesAlone checks that descriptors which others share are not put
// into non-blocking mode.
func TestStandardLeavesModesAlone(t *testing.T) {
	var pipe [2]int
	require.NoError(t, unix.Pipe(pipe[:]))
	shared := make([]int, 2)
	for i, fd := range pipe {
		var err error
		shared[i], err = unix.Dup(fd)
		require.NoError(t, err)
		defer unix.Close(shared[i])
	}
	s, err := newDescriptors(pipe[0], pipe[1]) // talks to itself
	require.NoError(t, err)
	c := newStandard(s, nil)
	defer c.Close()
	require.NoError(t, c.Send([]byte("{}")))
	require.Equal(t, "{}", recv(t, c))
	for _, fd := range shared {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		require.NoError(t, err)
		require.Zero(t, flags&unix.O_NONBLOCK)
	}
}

// TestStandardFiles reads a file and writes to another.
func TestStandardFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in"), []byte(`{"a":1} {"b":2}`), 0o600))
	in, err := unix.Open(filepath.Join(dir, "in"), unix.O_RDONLY, 0)
	require.NoError(t, err)
	out, err := unix.Open(filepath.Join(dir, "out"), unix.O_WRONLY|unix.O_CREAT, 0o600)
	require.NoError(t, err)
	s, err := newDescriptors(in, out)
	require.NoError(t, err)
	c := newStandard(s, nil)
	require.Equal(t, `{"a":1}`, recv(t, c))
	require.Equal(t, `{"b":2}`, recv(t, c))
	require.ErrorIs(t, recvErr(t, c), io.EOF)
	long := `{"x":"` + strings.Repeat("y", 100_000) + `"}`
	require.NoError(t, c.Send([]byte(long)))
	require.NoError(t, c.Close())
	got, err := os.ReadFile(filepath.Join(dir, "out"))
	require.NoError(t, err)
	require.Equal(t, long+"\n", string(got))
}

// TestOwnListener accepts the one connection that there is.
func TestOwnListener(t *testing.T) {
	a, b := descriptors(t)
	l := newOwnListener(a)
	require.Equal(t, "stdio:", l.URL())
	c := accept(t, l)
	parent := newStandard(b, nil)
	second := make(chan error, 1)
	go func() { _, err := l.Accept(); second <- err }()
	require.NoError(t, parent.Send([]byte("{}")))
	require.Equal(t, "{}", recv(t, c))
	require.NoError(t, parent.Close())
	require.ErrorIs(t, recvErr(t, c), io.EOF)
	require.NoError(t, c.Close())
	require.ErrorIs(t, <-second, carrier.ErrClosed)
	require.NoError(t, l.Close())
}

func TestOwnListenerClosedAtOnce(t *testing.T) {
	a, b := descriptors(t)
	l := newOwnListener(a)
	require.NoError(t, l.Close())
	_, err := l.Accept()
	require.ErrorIs(t, err, carrier.ErrClosed)
	parent := newStandard(b, nil)
	require.ErrorIs(t, recvErr(t, parent), io.EOF)
	require.NoError(t, parent.Close())
}

func TestStandardStandsAlone(t *testing.T) {
	for _, address := range []string{"stdio:thermo", "stdio://x", "stdio:///dev/null", "stdio:?a=b"} {
		_, err := Scheme{}.Dial(t.Context(), mustParse(t, address))
		require.ErrorContains(t, err, "exec:COMMAND", address)
		_, err = Scheme{}.Listen(t.Context(), mustParse(t, address))
		require.ErrorContains(t, err, "exec:COMMAND", address)
	}
}
