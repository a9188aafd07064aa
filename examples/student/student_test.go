package student_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/idl/gen"
)

// TestPrograms runs the daemon, and find-student as LibMedium's documentation does.
func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "./daemon", "./find-student")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	socket := "unix:" + filepath.Join(dir, "s")

	daemon := exec.CommandContext(t.Context(), filepath.Join(dir, "daemon"), "-listen", socket)
	daemon.Stderr = os.Stderr
	stdout, err := daemon.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, daemon.Start())
	ready, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, ready, "ready at unix:")

	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"-url", socket, "7"}, "Name: Lovelace, Ada\nAge: 36\n", 0},
		{[]string{"-url", socket, "8"}, "Could not find the student with id '8'\n", 0},
		{[]string{"-url", socket}, "Usage: find-student student_id\n", 2},
	} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "find-student"), c.args...)
		cmd.Stderr = os.Stderr
		out, _ := cmd.Output()
		require.Equal(t, c.want, string(out))
		require.Equal(t, c.code, cmd.ProcessState.ExitCode())
	}
	require.NoError(t, daemon.Process.Signal(syscall.SIGTERM))
	require.NoError(t, daemon.Wait())
}

// TestGenerated holds package studentsystem to what is made of student.lmspc.
func TestGenerated(t *testing.T) {
	dir := t.TempDir()
	made, err := gen.Run([]string{"student.lmspc"}, dir, []string{"go"})
	require.NoError(t, err)
	require.Len(t, made, 3)
	for _, path := range made {
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		below, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		got, err := os.ReadFile(below)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "run go generate ./examples/student")
	}
}
