package stdio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sigrouter/sigrouter/carrier"
)

// patience is how long anything may take before a test counts it as stuck.
const patience = 20 * time.Second

// helperVar makes the test's own program a child: its value says which.
const helperVar = "SIG_STDIO_TEST_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helperVar) {
	case "":
		goleak.VerifyTestMain(m)
	case "relay":
		relay()
	case "echo":
		echo()
	}
}

// relay joins standard input and output to a socket.
func relay() {
	c, err := net.Dial("unix", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	done := make(chan struct{}, 2)
	go func() {
		_, _ = io.Copy(c, os.Stdin)
		done <- struct{}{}
	}()
	go func() {
		_, _ = io.Copy(os.Stdout, c)
		done <- struct{}{}
	}()
	<-done
	c.Close()
}

// echo is a program with a router at its standard input and output that also prints, and
// starts a child that does.
func echo() {
	u, _ := url.Parse("stdio:")
	c, err := Scheme{}.Dial(context.Background(), u)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("a forgotten print")
	if n, err := os.Stdin.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		fmt.Println("somebody else could read standard input", n, err)
	}
	for {
		frame, err := c.Recv()
		if err != nil {
			fmt.Fprintln(os.Stderr, "ended:", err)
			c.Close()
			return
		}
		if err := c.Send(frame); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// helper returns the address and the scheme that start this program as a child.
func helper(t *testing.T, which string, args string) (Scheme, string) {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	return Scheme{Log: quiet(), Env: append(os.Environ(),
		helperVar+"="+which,
		"GORACE=atexit_sleep_ms=0")}, "exec:'" + exe + "' " + args
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// A journal is a log that a test reads.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	require.NoError(t, err)
	return u
}

func dial(t *testing.T, s Scheme, address string) carrier.Conn {
	t.Helper()
	if s.Log == nil {
		s.Log = quiet()
	}
	c, err := s.Dial(context.Background(), mustParse(t, address))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
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

func (j *journal) contains(s string) bool { return strings.Contains(j.String(), s) }
