package goldentest

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/idl/gen/testdata/golden/school"
	"github.com/sigrouter/sigrouter/internal/needs"
)

// TestJavaScriptClient has the generated module call a daemon in Go, by way of the
// client of clients/js, over TCP.
func TestJavaScriptClient(t *testing.T) {
	node := needs.Program(t, "node")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type":"module"}`), 0o600))
	for _, from := range []string{"../testdata/golden/school.js", "../testdata/js/e2e.mjs",
		"../../../clients/js/sig.js", "../../../clients/js/sig-node.js"} {
		b, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(from)), b, 0o600))
	}

	router := sigrouter.NewServer()
	defer router.Close()
	l, err := router.Listen(t.Context(), "tcp://127.0.0.1:0")
	require.NoError(t, err)
	server := &teacher{caller: make(chan string, 10)}
	daemon, err := school.ServeAs(t.Context(), router, "my.school", server)
	require.NoError(t, err)
	defer daemon.Close()
	came := make(chan *api.Remote, 1)
	watch, err := daemon.WatchApplications(t.Context(), api.Joined(func(_ context.Context, app *api.Remote) { came <- app }))
	require.NoError(t, err)
	defer watch.Close()

	cmd := exec.CommandContext(t.Context(), node, filepath.Join(dir, "e2e.mjs"), l.URL())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "the application says its name once it listens")
	app := receive(t, came)
	require.Equal(t, app.Sender(), lines.Text())
	require.NoError(t, daemon.TriggerAlarmTo(t.Context(), app, "for one"))
	require.NoError(t, daemon.TriggerAlarm("for all"))
	require.True(t, lines.Scan())
	require.Equal(t, "done", lines.Text())
	require.NoError(t, cmd.Wait())
	require.Equal(t, app.Sender(), receive(t, server.caller), "the daemon knows who calls")
}
