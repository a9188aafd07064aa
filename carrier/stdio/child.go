package stdio

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

const (
	termAfter = time.Second     // from closing standard input to SIGTERM
	killAfter = 3 * time.Second // from closing standard input to SIGKILL
	linger    = time.Second     // how long pipes are read that others hold when the child has ended
	whyAfter  = 200 * time.Millisecond
	maxLine   = 8 << 10 // of standard error; what is longer is logged in pieces
)

// A child is a running command, and the pipe ends of it that are ours.
type child struct {
	cmd    *exec.Cmd
	name   string
	log    *slog.Logger
	stdin  *os.File
	stdout *os.File
	stderr *os.File
	born   time.Time

	wg     sync.WaitGroup
	exited chan struct{}
	err    error // why, when exited is closed: nil, or as exec.Cmd.Wait says

	lived time.Duration // as err

	closing   chan struct{} // closed by Close
	closeOnce sync.Once
	released  func() // called once it is closed; may be nil
}

// start starts the command.
func (s *Scheme) start(argv []string) (*child, error) {
	c := &child{cmd: exec.Command(argv[0], argv[1:]...), name: argv[0], log: s.logger(), exited: make(chan struct{}), closing: make(chan struct{})}
	c.cmd.Dir, c.cmd.Env = s.Dir, s.Env
	ownGroup(c.cmd)
	theirs, err := c.pipes()
	if err == nil {
		c.born = time.Now()
		err = c.cmd.Start()
	}
	for _, f := range theirs {
		f.Close()
	}
	if err != nil {
		c.closePipes()
		return nil, fmt.Errorf("exec: cannot start %s: %w", c.name, err)
	}
	c.log.Info("child started", "command", c.name, "pid", c.cmd.Process.Pid)
	var logging sync.WaitGroup
	logging.Go(c.logStderr) // ends at the end of the pipe
	c.wg.Go(func() { c.wait(&logging) })
	return c, nil
}

// pipes makes the three pipes and returns the child's ends of them.
func (c *child) pipes() (theirs []*os.File, err error) {
	var ends [3][2]*os.File
	for i := range ends {
		r, w, err := os.Pipe()
		if err != nil {
			for _, e := range ends[:i] {
				e[0].Close()
				e[1].Close()
			}
			return nil, err
		}
		ends[i] = [2]*os.File{r, w}
	}
	c.cmd.Stdin, c.stdin = ends[0][0], ends[0][1]
	c.stdout, c.cmd.Stdout = ends[1][0], ends[1][1]
	c.stderr, c.cmd.Stderr = ends[2][0], ends[2][1]
	return []*os.File{ends[0][0], ends[1][1], ends[2][1]}, nil
}

func (c *child) closePipes() {
	for _, f := range []*os.File{c.stdin, c.stdout, c.stderr} {
		if f != nil {
			f.Close()
		}
	}
}

// wait reaps the child, and tells what it left behind in its group to end. Pipes that
// those hold open are read for a moment more, for what is in them, and then no longer.
func (c *child) wait(logging *sync.WaitGroup) {
	err := c.cmd.Wait()
	expected := err == nil || c.isClosing()
	terminateGroup(c.cmd.Process.Pid)
	limit := time.Now().Add(linger)
	_ = c.stdout.SetReadDeadline(limit)
	_ = c.stderr.SetReadDeadline(limit)
	c.err, c.lived = err, time.Since(c.born)
	close(c.exited)
	logging.Wait()
	c.stderr.Close()
	level, how := slog.LevelInfo, "exit status 0"
	if err != nil {
		how = err.Error()
	}
	if !expected {
		level = slog.LevelWarn
	}
	c.log.Log(context.Background(), level, "child ended", "command", c.name, "pid", c.cmd.Process.Pid, "reason", how, "after", c.lived.Round(time.Millisecond))
}

// logStderr logs what the child says to people.
func (c *child) logStderr() {
	r := bufio.NewReaderSize(c.stderr, maxLine)
	for {
		line, _, err := r.ReadLine()
		if text := strings.TrimRight(string(line), " \t\r"); text != "" {
			c.log.Info("child says", "command", c.name, "pid", c.cmd.Process.Pid, "line", strings.ToValidUTF8(text, "\uFFFD"))
		}
		if err != nil {
			return
		}
	}
}

func (c *child) conn() carrier.Conn {
	return carrier.NewStream(c, carrier.Info{Carrier: "stdio", Local: "exec", Loopback: true,
		Remote: fmt.Sprintf("%s (process %d)", c.name, c.cmd.Process.Pid)})
}

func (c *child) isClosing() bool {
	select {
	case <-c.closing:
		return true
	default:
		return false
	}
}

// Read reads the child's standard output. At its end it says why.
func (c *child) Read(p []byte) (int, error) {
	n, err := c.stdout.Read(p)
	if n > 0 || err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, c.why()
	}
	return 0, err
}

// why returns an io.EOF that tells how the child ended.
func (c *child) why() error {
	t := time.NewTimer(whyAfter)
	defer t.Stop()
	select {
	case <-c.exited:
	case <-t.C:
		return fmt.Errorf("%s closed its standard output: %w", c.name, io.EOF)
	}
	if c.err == nil {
		return fmt.Errorf("%s ended: %w", c.name, io.EOF)
	}
	return fmt.Errorf("%s ended with %w (%w)", c.name, c.err, io.EOF)
}

// Write writes to the child's standard input.
func (c *child) Write(p []byte) (int, error) {
	n, err := c.stdin.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		err = fmt.Errorf("%s no longer reads its standard input: %w", c.name, err)
	}
	return n, err
}

// SetWriteDeadline bounds Write.
func (c *child) SetWriteDeadline(t time.Time) error { return c.stdin.SetWriteDeadline(t) }

// SyscallConn lets a Stream write without blocking.
func (c *child) SyscallConn() (syscall.RawConn, error) { return c.stdin.SyscallConn() }

// Close closes the pipes, ends the child, and returns when it has been reaped.
func (c *child) Close() error {
	c.closeOnce.Do(func() {
		close(c.closing)
		c.stdin.Close()
		c.stdout.Close()
		if !c.exitsWithin(termAfter) {
			c.log.Warn("child does not end when its standard input does", "command", c.name, "pid", c.cmd.Process.Pid)
			terminate(c.cmd.Process)
			if !c.exitsWithin(killAfter - termAfter) {
				c.log.Warn("child does not end on SIGTERM, and is killed", "command", c.name, "pid", c.cmd.Process.Pid)
				kill(c.cmd.Process)
			}
		}
		c.wg.Wait()
		if c.released != nil {
			c.released()
		}
	})
	return nil
}

func (c *child) exitsWithin(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c.exited:
		return true
	case <-t.C:
		return false
	}
}
