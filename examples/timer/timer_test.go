package timer_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/programs"
	"github.com/sigrouter/sigrouter/internal/pysig"
)

const (
	fromTimer   = "'tic' received from 'timer' (data: <nil>)"
	fromAnother = "'tic' received from 'another_timer' (data: <nil>)"
)

// TestPrograms runs all three, and pysig's own listener beside them. The events of another_timer come while it
// runs, those of timer all the time.
func TestPrograms(t *testing.T) {
	dir := programs.Build(t, "./server", "./listener", "./another_timer")
	server := programs.Start(t, "", dir+"/server", "-listen", "tcp://127.0.0.1:0", "-every", "50ms")
	at, ok := strings.CutPrefix(server.Line(), "listening at ")
	require.True(t, ok)

	listener := programs.Start(t, "", dir+"/listener", "-url", at)
	listener.Expect("listening", fromTimer, fromTimer)
	u, err := url.Parse(at)
	require.NoError(t, err)
	old, err := pysig.Dial(u.Host)
	require.NoError(t, err)
	defer old.Close()
	heard := make(chan any, 1000)
	require.NoError(t, old.AddRemoteListener("another_timer", "tic", func(_, _ string, data any) { heard <- data }))

	another := programs.Start(t, "", dir+"/another_timer", "-url", at, "-every", "50ms")
	seen := map[string]bool{}
	for !seen[fromTimer] || !seen[fromAnother] {
		line := listener.Line()
		require.Contains(t, []string{fromTimer, fromAnother}, line)
		seen[line] = true
	}
	require.Nil(t, <-heard)

	_, code := another.Stop()
	require.Zero(t, code)
	_, code = listener.Stop()
	require.Zero(t, code)
	lines, code := server.Stop()
	require.Zero(t, code)
	require.Equal(t, []string{"stopping"}, lines)
}
