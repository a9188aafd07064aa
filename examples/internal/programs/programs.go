// Package programs runs example programs in tests, as their users do: built, as processes
// of their own, over real sockets.
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
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string // of standard output, closed at its end
	exited chan struct{}
	stderr text
}

// text collects what a program writes.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write adds to it.
func (x *text) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.Write(p)
}

// String returns it.
func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.String()
}

// Start starts a program with an environment that knows of one router, at the address url;
// "" for none.
func Start(t *testing.T, url, path string, args ...string) *Program {
	t.Helper()
	p := &Program{t: t, cmd: exec.Command(path, args...), lines: make(chan string, 10_000), exited: make(chan struct{})}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "SIG_") {
			p.cmd.Env = append(p.cmd.Env, kv)
		}
	}
	if url != "" {
		p.cmd.Env = append(p.cmd.Env, "SIG_URL="+url)
	}
	p.cmd.Dir = t.TempDir()
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go p.read(stdout)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("%s wrote to standard error:\n%s", filepath.Base(path), p.stderr.String())
		}
	})
	return p
}

func (p *Program) read(stdout io.Reader) {
	defer close(p.exited)
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
	_ = p.cmd.Wait() // the state says it all
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
	case line, ok := <-p.lines:
		require.True(p.t, ok, "%v has ended, where a line was expected", p.cmd.Args)
		return line
	case <-time.After(patience):
		require.FailNow(p.t, "no output", "%v", p.cmd.Args)
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
	_, err := io.WriteString(p.stdin, line+"\n")
	require.NoError(p.t, err)
}

// CloseInput ends standard input.
func (p *Program) CloseInput() {
	p.t.Helper()
	require.NoError(p.t, p.stdin.Close())
}

// Stop interrupts the program, as Ctrl-C does, and waits for its end, for which it returns the
// same as Wait.
func (p *Program) Stop() (lines []string, code int) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(os.Interrupt))
	return p.Wait()
}

// Wait waits for the end of the program and returns the lines not yet taken, and the exit
// code.
func (p *Program) Wait() (lines []string, code int) {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if ok {
				lines = append(lines, line)
				continue
			}
		case <-timeout:
			require.FailNow(p.t, "does not end", "%v", p.cmd.Args)
		}
		break
	}
	<-p.exited
	return lines, p.cmd.ProcessState.ExitCode()
}

// Errors returns what the program has written to standard error.
func (p *Program) Errors() string { return p.stderr.String() }
