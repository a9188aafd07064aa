package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testPatience is how long a test waits for what ought to happen at once.
const testPatience = 20 * time.Second

// TestMain builds the command; the tests run what was built, as a user would.
func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sig-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	args := []string{"build", "-buildvcs=false", "-o", binary(dir)}
	if raceEnabled {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, ".")...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", build, err, out)
		return 1
	}
	os.Setenv(binaryDir, dir)
	return m.Run()
}

// binaryDir is the environment variable by which TestMain tells the tests where the
// command is.
const binaryDir = "SIG_TEST_DIR"

func binary(dir string) string {
	name := filepath.Join(dir, "sig")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return name
}

// A process is a running sig. It is killed when the test ends.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string // of standard output, closed at its end

	done   chan struct{} // closed when it has ended
	stderr syncBuffer
}

// syncBuffer is a bytes.Buffer for a writer and a reader.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// command returns a sig that has not been started, with an environment without
// settings of whoever runs the tests.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(binary(os.Getenv(binaryDir)), args...)
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "SIG_") && !strings.HasPrefix(kv, "NO_COLOR=") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0") // a second for each process otherwise
	cmd.Dir = t.TempDir()
	return cmd
}

// start starts sig with the arguments.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startCommand(t, command(t, args...))
}

func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, lines: make(chan string, 100_000), done: make(chan struct{})}
	cmd.Stderr = &p.stderr
	var err error
	if cmd.Stdin == nil {
		p.stdin, err = cmd.StdinPipe()
		require.NoError(t, err)
	}
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	go func() {
		defer close(p.done)
		for r := bufio.NewReader(stdout); ; {
			line, err := r.ReadString('\n')
			if line != "" {
				p.lines <- strings.TrimSuffix(line, "\n")
			}
			if err != nil {
				break
			}
		}
		close(p.lines)
		_ = cmd.Wait() // the state says it all
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.done
		if t.Failed() && p.stderr.String() != "" {
			t.Logf("standard error of %s:\n%s", strings.Join(cmd.Args[1:], " "), p.stderr.String())
		}
	})
	return p
}

// line returns the next line of standard output.
func (p *process) line() string {
	p.t.Helper()
	select {
	case l, ok := <-p.lines:
		if !ok {
			<-p.done
			require.FailNow(p.t, "no more output", "%v ended: %v\n%s", p.cmd.Args[1:], p.cmd.ProcessState, p.stderr.String())
		}
		return l
	case <-time.After(testPatience):
		require.FailNow(p.t, "no output", "%v\n%s", p.cmd.Args[1:], p.stderr.String())
		return ""
	}
}

// signal sends the process a signal.
func (p *process) signal(s os.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

// wait waits for the end and returns all lines not yet taken, and the exit code.
func (p *process) wait() (lines []string, code int) {
	p.t.Helper()
	timeout := time.After(testPatience)
	for {
		select {
		case l, ok := <-p.lines:
			if ok {
				lines = append(lines, l)
				continue
			}
		case <-timeout:
			require.FailNow(p.t, "did not end", "%v\n%s", p.cmd.Args[1:], p.stderr.String())
		}
		break
	}
	<-p.done
	return lines, p.cmd.ProcessState.ExitCode()
}

// A result is what a sig that has ended left behind.
type result struct {
	stdout, stderr string
	code           int
}

// sigRun runs sig to its end.
func sigRun(t *testing.T, args ...string) result {
	t.Helper()
	return runCommand(t, command(t, args...))
}

func runCommand(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	p := startCommand(t, cmd)
	if p.stdin != nil {
		require.NoError(t, p.stdin.Close())
	}
	lines, code := p.wait()
	r := result{stderr: p.stderr.String(), code: code}
	if len(lines) > 0 {
		r.stdout = strings.Join(lines, "\n") + "\n"
	}
	return r
}
