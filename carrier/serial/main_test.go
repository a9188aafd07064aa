package serial

import (
	"bufio"
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/needs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long anything may take before a test counts it as stuck.
const patience = 10 * time.Second

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	require.NoError(t, err)
	return u
}

// A board is the far end of a pseudo terminal: the device, as seen from its own side.
type board struct {
	*os.File
	path string
	in   *bufio.Reader
}

func newBoard(t *testing.T) *board {
	t.Helper()
	master, path := needs.Terminal(t)
	require.NoError(t, master.SetDeadline(time.Now().Add(patience)))
	return &board{File: master, path: path, in: bufio.NewReader(master)}
}

func (b *board) url() string { return "serial://" + b.path }

func (b *board) print(t *testing.T, s string) {
	t.Helper()
	_, err := b.WriteString(s)
	require.NoError(t, err)
}

// line returns the next line that is neither empty nor the start mark.
func (b *board) line(t *testing.T) string {
	t.Helper()
	for {
		s, err := b.in.ReadString('\n')
		require.NoError(t, err)
		if s = strings.TrimRight(s, "\r\n"); s != "" && s != startMark {
			return s
		}
	}
}

// A socket is a name in the file system under which boards can be plugged in.
type socket string

func newSocket(t *testing.T) socket {
	return socket(filepath.Join(t.TempDir(), "ttyUSB0"))
}

func (s socket) plug(t *testing.T) *board {
	t.Helper()
	b := newBoard(t)
	require.NoError(t, os.Symlink(b.path, string(s)))
	return b
}

func (s socket) unplug(t *testing.T, b *board) {
	t.Helper()
	require.NoError(t, os.Remove(string(s)))
	require.NoError(t, b.Close())
}

func dial(t *testing.T, address string) carrier.Conn {
	t.Helper()
	c, err := Scheme{Log: quiet()}.Dial(context.Background(), mustParse(t, address))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func listenAt(t *testing.T, s Scheme, address string) carrier.Listener {
	t.Helper()
	if s.Log == nil {
		s.Log = quiet()
	}
	l, err := s.Listen(context.Background(), mustParse(t, address))
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func accept(t *testing.T, l carrier.Listener) carrier.Conn {
	t.Helper()
	var c carrier.Conn
	within(t, "Accept", func() (err error) { c, err = l.Accept(); return err })
	t.Cleanup(func() { c.Close() })
	return c
}

func recv(t *testing.T, c carrier.Conn) string {
	t.Helper()
	var s string
	within(t, "Recv", func() error {
		frame, err := c.Recv()
		s = string(frame)
		return err
	})
	return s
}

// recvErr returns the error of a Recv that must fail.
func recvErr(t *testing.T, c carrier.Conn) error {
	t.Helper()
	var failed error
	within(t, "Recv", func() error { _, failed = c.Recv(); return nil })
	require.Error(t, failed)
	return failed
}

// within runs fn, which must end in time and without an error.
func within(t *testing.T, what string, fn func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- fn() }()
	select {
	case err := <-done:
		require.NoError(t, err, what)
	case <-time.After(patience):
		t.Fatalf("%s: not done after %s", what, patience)
	}
}
