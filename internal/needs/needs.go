// Package needs is for tests that need what a machine may not have. Without it they are
// skipped, but fail where the environment has CI: there it is to be had.
package needs

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/sigrouter/sigrouter/internal/pty"
)

// Skip skips the test for want of something, or fails it.
func Skip(t testing.TB, why ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why...)
	}
	t.Skip(why...)
}

// Program returns the path of a program.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Skip(t, err)
	}
	return path
}

// Terminal returns a pseudo terminal, which is closed at the end of the test; see pty.Open.
// Systems that package pty is not made for have none, in CI neither.
func Terminal(t testing.TB) (master *os.File, slavePath string) {
	t.Helper()
	master, slavePath, err := pty.Open()
	check(t, err)
	t.Cleanup(func() { _ = master.Close() })
	return master, slavePath
}

// Cable joins two pseudo terminals, as a cable joins two serial ports, until the end of the
// test, and returns the paths to open. What goes over it, in either direction, is treated by
// the function, if that is not nil; see pty.NewCable.
func Cable(t testing.TB, treat func([]byte) []byte) (a, b string) {
	t.Helper()
	c, err := pty.NewCable(treat, treat)
	check(t, err)
	t.Cleanup(c.Close)
	return c.A, c.B
}

func check(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case runtime.GOOS != "linux":
		t.Skip(err)
	default:
		Skip(t, err)
	}
}
