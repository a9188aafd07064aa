package gen_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/needs"
)

// TestJavaScript runs the tests of the modules among the golden files with Node, where
// there is one.
func TestJavaScript(t *testing.T) {
	node := needs.Program(t, "node")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type":"module"}`), 0o600))
	modules, err := filepath.Glob(golden + "/*.js")
	require.NoError(t, err)
	require.Len(t, modules, 4)
	for _, from := range append(modules, "testdata/js/client.test.mjs") {
		b, err := os.ReadFile(from)
		require.NoError(t, err)
		to := filepath.Join(dir, filepath.Base(from))
		require.NoError(t, os.WriteFile(to, b, 0o600))
		out, err := exec.CommandContext(t.Context(), node, "--check", to).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	cmd := exec.CommandContext(t.Context(), node, "--test", dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "# pass 7")
}
