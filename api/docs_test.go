package api_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocs runs the programs of docs/api.md, and compares what they print with what stands
// there.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../docs/api.md")
	require.NoError(t, err)
	programs := regexp.MustCompile("(?s)\n## ([^\n]*)\n\n```go\n(package main\n.*?)```\n\n```text\n(.*?)```\n").FindAllSubmatch(text, -1)
	require.Len(t, programs, strings.Count(string(text), "```go\n"), "each has a heading before it, and what it prints behind")
	// Inside the module, for its go.mod; the name begins with a dot, so that no ./... takes
	// it for packages.
	dir, err := os.MkdirTemp(".", ".program-")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	name := func(i int) string { return string(rune('a' + i)) }
	built := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", built)
	for i, p := range programs {
		at := filepath.Join(dir, name(i))
		require.NoError(t, os.Mkdir(at, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(at, "main.go"), p[2], 0o600))
		build.Args = append(build.Args, "./"+at)
	}
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for i, p := range programs {
		t.Run(string(p[1]), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), filepath.Join(built, name(i)))
			var errs strings.Builder
			cmd.Stderr = &errs
			out, err := cmd.Output()
			require.NoError(t, err, "%s", errs.String())
			require.Equal(t, string(p[3]), string(out), "%s", errs.String())
		})
	}
}
