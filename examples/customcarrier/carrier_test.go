package customcarrier_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/programs"
)

// TestPrograms runs the server, and two clients one after the other. That a client has
// gone shows when it does not take the next tic.
func TestPrograms(t *testing.T) {
	dir := programs.Build(t, "./server", "./client")
	server := programs.Start(t, "", dir+"/server", "-listen", "127.0.0.1:0", "-every", "50ms")
	at, ok := strings.CutPrefix(server.Line(), "listening at ")
	require.True(t, ok)
	for range 2 {
		client := programs.Start(t, "", dir+"/client", "-url", at)
		client.Expect("timer tic", "timer tic", "timer tic")
		_, code := client.Wait()
		require.Zero(t, code, client.Errors())
		server.Expect(`greeter says "good morning"`, "greeter has gone")
	}
}
