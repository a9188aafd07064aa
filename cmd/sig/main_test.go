package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/programs"
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
	*programs.Program
	t *testing.T
}

// command returns a sig that has not been started, with an environment without
// settings of whoever runs the tests.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return programs.Command(t, binary(os.Getenv(binaryDir)), args...)
}

// start starts sig with the arguments.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startCommand(t, command(t, args...))
}

func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	return &process{programs.StartCommand(t, cmd), t}
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
	if p.Stdin != nil {
		require.NoError(t, p.Stdin.Close())
	}
	lines, code := p.Wait()
	r := result{stderr: p.Errors(), code: code}
	if len(lines) > 0 {
		r.stdout = strings.Join(lines, "\n") + "\n"
	}
	return r
}
