// Package programs runs programs in tests, as their users do: built, as processes of their
// own, over real sockets.
package programs

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what ought to happen at once.
const patience = 30 * time.Second

// Build builds programs, given by their directories, and returns where they are. The
// command sig is "../../cmd/sig".
func Build(t *testing.T, packages ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	build := exec.CommandContext(t.Context(), "go", append([]string{"build", "-buildvcs=false", "-o", dir + "/"}, packages...)...)
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}

// A Program is one that runs. It is killed when the test ends. Its methods are for the test's
// own goroutine.
type Program struct {
	Cmd    *exec.Cmd
	Stdin  io.WriteCloser // nil when the command came with one
	Lines  chan string    // of standard output, closed at its end
	Exited chan struct{}  // closed when it has ended
	Stderr Text

	t *testing.T
}

// A Text collects what a program writes.
type Text struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write adds to it.
func (x *Text) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.Write(p)
}

// String returns it.
func (x *Text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.String()
}

// Command returns a program that has not been started, in a directory of its own and without
// settings of whoever runs the tests.
func Command(t *testing.T, path string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(path, args...)
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "SIG_") && !strings.HasPrefix(kv, "NO_COLOR=") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0") // a second for each process otherwise
	cmd.Dir = t.TempDir()
	return cmd
}

// Start starts a program with an environment that knows of one router, at the address url;
// "" for none.
func Start(t *testing.T, url, path string, args ...string) *Program {
	t.Helper()
	cmd := Command(t, path, args...)
	if url != "" {
		cmd.Env = append(cmd.Env, "SIG_URL="+url)
	}
	return StartCommand(t, cmd)
}

// StartCommand starts a program.
func StartCommand(t *testing.T, cmd *exec.Cmd) *Program {
	t.Helper()
	p := &Program{t: t, Cmd: cmd, Lines: make(chan string, 100_000), Exited: make(chan struct{})}
	cmd.Stderr = &p.Stderr
	var err error
	if cmd.Stdin == nil {
		p.Stdin, err = cmd.StdinPipe()
		require.NoError(t, err)
	}
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	go p.read(stdout)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.Exited
		if t.Failed() && p.Errors() != "" {
			t.Logf("standard error of %s:\n%s", p, p.Errors())
		}
	})
	return p
}

// String names the program and its arguments.
func (p *Program) String() string {
	return strings.Join(append([]string{filepath.Base(p.Cmd.Path)}, p.Cmd.Args[1:]...), " ")
}

func (p *Program) read(stdout io.Reader) {
	defer close(p.Exited)
	for r := bufio.NewReader(stdout); ; {
		line, err := r.ReadString('\n')
		if line != "" {
			p.Lines <- strings.TrimSuffix(line, "\n")
		}
		if err != nil {
			break
		}
	}
	close(p.Lines)
	_ = p.Cmd.Wait() // the state says it all
}

// Serve starts a router, of the command sig in dir, and returns its address. Without
// arguments it listens on a free TCP port.
func Serve(t *testing.T, dir string, args ...string) (url string) {
	t.Helper()
	if len(args) == 0 {
		args = []string{"--listen", "tcp://127.0.0.1:0"}
	}
	p := Start(t, "", filepath.Join(dir, "sig"), append([]string{"serve", "--log", "json"}, args...)...)
	var ready struct{ Listen []string }
	line := p.Line()
	require.NoError(t, json.Unmarshal([]byte(line), &ready), line)
	require.NotEmpty(t, ready.Listen, line)
	return ready.Listen[0]
}

// Line returns the next line of standard output, or what is left of it at the program's end.
func (p *Program) Line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.Lines:
		if !ok {
			<-p.Exited
			require.FailNow(p.t, "no more output", "%s ended: %v\n%s", p, p.Cmd.ProcessState, p.Errors())
		}
		return line
	case <-time.After(patience):
		require.FailNow(p.t, "no output", "%s\n%s", p, p.Errors())
		return ""
	}
}

// Expect checks that the next lines of standard output are these.
func (p *Program) Expect(lines ...string) {
	p.t.Helper()
	for _, want := range lines {
		require.Equal(p.t, want, p.Line())
	}
}

// Type writes a line to standard input.
func (p *Program) Type(line string) {
	p.t.Helper()
	_, err := io.WriteString(p.Stdin, line+"\n")
	require.NoError(p.t, err)
}

// CloseInput ends standard input.
func (p *Program) CloseInput() {
	p.t.Helper()
	require.NoError(p.t, p.Stdin.Close())
}

// Stop interrupts the program, as Ctrl-C does, and waits for its end, for which it returns the
// same as Wait.
func (p *Program) Stop() (lines []string, code int) {
	p.t.Helper()
	p.Signal(os.Interrupt)
	return p.Wait()
}

// Signal sends the program a signal.
func (p *Program) Signal(s os.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.Cmd.Process.Signal(s))
}

// Wait waits for the end of the program and returns the lines not yet taken, and the exit
// code.
func (p *Program) Wait() (lines []string, code int) {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-p.Lines:
			if ok {
				lines = append(lines, line)
				continue
			}
		case <-timeout:
			require.FailNow(p.t, "does not end", "%s\n%s", p, p.Errors())
		}
		break
	}
	<-p.Exited
	return lines, p.Cmd.ProcessState.ExitCode()
}

// Errors returns what the program has written to standard error.
func (p *Program) Errors() string { return p.Stderr.String() }
