package banyan_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/programs"
)

// TestEcho runs the programs as Banyan's documentation does, but for the client's question
// for a key at the end.
func TestEcho(t *testing.T) {
	dir := programs.Build(t, "../../cmd/sig", "./echo-server", "./echo-client")
	url := programs.Serve(t, dir)
	stars := strings.Repeat("*", 60)

	server := programs.Start(t, url, filepath.Join(dir, "echo-server"))
	server.Expect(stars, "EchoServer at backplane "+url, stars)

	client := programs.Start(t, url, filepath.Join(dir, "echo-client"))
	lines, code := client.Wait()
	require.Equal(t, []string{stars, "EchoClient at backplane " + url, stars, "10 messages sent and received."}, lines)
	require.Zero(t, code)

	for n := 10; n >= 0; n-- {
		server.Expect(fmt.Sprint("Message number: ", n))
	}
	lines, code = server.Stop()
	require.Empty(t, lines)
	require.Zero(t, code, "Ctrl-C ends it cleanly")
	require.Empty(t, server.Errors())
}

// A client may start before the server, and a message that makes no sense stops nobody.
func TestClientFirst(t *testing.T) {
	dir := programs.Build(t, "../../cmd/sig", "./echo-server", "./echo-client")
	url := programs.Serve(t, dir)
	client := programs.Start(t, url, filepath.Join(dir, "echo-client"))
	for range 3 {
		client.Line() // has joined
	}
	server := programs.Start(t, url, filepath.Join(dir, "echo-server"))
	for range 3 {
		server.Line()
	}
	lines, code := client.Wait()
	require.Equal(t, []string{"10 messages sent and received."}, lines)
	require.Zero(t, code)

	sig := filepath.Join(dir, "sig")
	_, code = programs.Start(t, url, sig, "trigger", "script", "echo", `"what?"`).Wait()
	require.Zero(t, code)
	client = programs.Start(t, url, filepath.Join(dir, "echo-client"))
	lines, _ = client.Wait()
	require.Equal(t, "10 messages sent and received.", lines[len(lines)-1])
	_, code = server.Stop()
	require.Zero(t, code)
	require.Contains(t, server.Errors(), "topic echo from script")
}

func TestNoBackplane(t *testing.T) {
	dir := programs.Build(t, "./echo-server")
	p := programs.Start(t, "unix:///nowhere/socket", filepath.Join(dir, "echo-server"))
	_, code := p.Wait()
	require.Equal(t, 1, code)
	require.Contains(t, p.Errors(), "backplane is not running; start it with sig serve: ")
}

// TestLaunch runs both programs, and a router, with sig launch.
func TestLaunch(t *testing.T) {
	dir := programs.Build(t, "../../cmd/sig")
	plan, err := filepath.Abs("echo.toml")
	require.NoError(t, err)
	p := programs.Start(t, "tcp://127.0.0.1:0", filepath.Join(dir, "sig"), "launch", plan)
	for p.Line() != "client | 10 messages sent and received." {
	}
	_, code := p.Stop()
	require.Zero(t, code)
}
