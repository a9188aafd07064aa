package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/programs"
)

// TestEngineer runs the server and the command line as xbahn's documentation does.
func TestEngineer(t *testing.T) {
	dir := programs.Build(t, "../../cmd/sig", ".")
	server := programs.Start(t, "", filepath.Join(dir, "engineer"), "-listen", "tcp://127.0.0.1:0")
	const running = "Server running at "
	line := server.Line()
	require.Contains(t, line, running)
	url := line[len(running):]

	run := func(args ...string) []string {
		p := programs.Start(t, url, filepath.Join(dir, "sig"), append([]string{"call"}, args...)...)
		lines, code := p.Wait()
		require.Zero(t, code, p.Errors())
		return lines
	}
	require.Contains(t, run("--help"), "  engineer   run an action on this server")
	require.Equal(t, []string{
		"Methods:",
		"  do_something   Do the task specified in WHAT",
		"  show           ",
		"  status         ",
	}, run("engineer", "--help")[5:])
	require.Equal(t, []string{"did say hello"}, run("--raw", "engineer", "do_something", "say hello"))
	require.Equal(t, []string{`["Basic"]`}, run("engineer", "show"))
	require.Equal(t, []string{`["Basic","Extra!!"]`}, run("engineer", "show", "--extra"))
	require.Equal(t, []string{"ok"}, run("--raw", "engineer", "status"))

	_, code := server.Stop()
	require.Zero(t, code)
}
