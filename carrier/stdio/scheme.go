package stdio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// A Restart says whether a Listener starts a child again that has ended.
type Restart int

// When a child that has ended is started again.
const (
	RestartAlways    Restart = iota // however it ended; the default
	RestartOnFailure                // unless its exit status was 0
	RestartNever
)

// Scheme makes connections over standard input and output, for URLs as the package
// shows them. The zero value is ready for use.
type Scheme struct {
	// Dir is where children run; "" means where this process does.
	Dir string
	// Env is the environment of children, each "key=value"; nil means this process's own.
	Env []string
	// Restart is about children that a Listener started.
	Restart Restart
	// RestartMin and RestartMax bound the pause before a child is started again: it
	// doubles with each one that lived for less than RestartMax. 0 means 500 ms and 30 s.
	RestartMin, RestartMax time.Duration
	// Log gets what children write to standard error, line by line at level Info,
	// when they start, and why they ended. It must not write to standard output. Nil means
	// slog.Default().
	Log *slog.Logger
}

var _ carrier.Scheme = Scheme{}

// Schemes returns "stdio" and "exec".
func (Scheme) Schemes() []string { return []string{"stdio", "exec"} }

// Dial takes this process's standard input and output, or starts the command.
//
// Closing the Conn of a command closes the child's standard input, sends it and its
// process group SIGTERM after one second and SIGKILL after three, and returns when it
// has ended. On Windows it is killed after one second. When a child ends by itself, Recv
// fails with an error that matches io.EOF and says why.
func (s Scheme) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if u.Scheme == "stdio" {
		if err := checkOwn(u); err != nil {
			return nil, err
		}
		rwc, err := takeStandard()
		if err != nil {
			return nil, fmt.Errorf("stdio: %w", err)
		}
		return newStandard(rwc, nil), nil
	}
	argv, err := commandOf(u)
	if err != nil {
		return nil, err
	}
	c, err := s.start(argv)
	if err != nil {
		return nil, err
	}
	return c.conn(), nil
}

// Check says what is wrong with an address, or that there is no such command.
func (s Scheme) Check(u *url.URL) error {
	if u.Scheme == "stdio" {
		return checkOwn(u)
	}
	argv, err := commandOf(u)
	if err != nil {
		return err
	}
	return s.check(argv)
}

// Listen returns a Listener that accepts the one connection of stdio: and no other, or
// those of a command: Accept starts it, and after its connection was closed starts it
// again as the policy says. When there will be no other, Accept fails with
// carrier.ErrClosed. A command that does not exist is an error at once.
//
// The Listener of stdio: has a method Done, whose channel is closed with its connection.
func (s Scheme) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if u.Scheme == "stdio" {
		if err := checkOwn(u); err != nil {
			return nil, err
		}
		rwc, err := takeStandard()
		if err != nil {
			return nil, fmt.Errorf("stdio: %w", err)
		}
		return newOwnListener(rwc), nil
	}
	argv, err := commandOf(u)
	if err != nil {
		return nil, err
	}
	if err := s.check(argv); err != nil {
		return nil, err
	}
	return newChildListener(u.String(), &s, argv), nil
}

func checkOwn(u *url.URL) error {
	if u.Opaque+u.Host+u.Path+u.RawQuery != "" {
		return fmt.Errorf("%s: stdio: stands alone; to run a command write exec:COMMAND", u.Redacted())
	}
	return nil
}

// check finds out whether the command can be started at all.
func (s *Scheme) check(argv []string) error {
	cmd := exec.Command(argv[0])
	cmd.Dir = s.Dir
	if cmd.Err == nil && cmd.Path != argv[0] {
		return nil // found in PATH
	}
	if cmd.Err != nil {
		return fmt.Errorf("exec: %w", cmd.Err)
	}
	path := cmd.Path
	if s.Dir != "" && !filepath.IsAbs(path) {
		path = filepath.Join(s.Dir, path)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("exec: %w", err)
	case info.IsDir():
		return fmt.Errorf("exec: %s: is a directory", path)
	}
	return nil
}

func (s *Scheme) logger() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.Default()
}

func (s *Scheme) pauses() (least, most time.Duration) {
	least, most = s.RestartMin, s.RestartMax
	if least <= 0 {
		least = 500 * time.Millisecond
	}
	if most <= 0 {
		most = 30 * time.Second
	}
	return least, max(least, most)
}

// again reports whether a child that ended so is to be started again.
func (r Restart) again(err error) bool {
	var exit *exec.ExitError
	switch r {
	case RestartNever:
		return false
	case RestartOnFailure:
		return errors.As(err, &exit)
	}
	return true
}
