package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/needs"
)

// A pseudo terminal that prints 21.5 is a thermometer, to whoever listens.
func TestServeSerialThermometer(t *testing.T) {
	master, path := needs.Terminal(t)
	port := filepath.Join(t.TempDir(), "ttyUSB0")
	s := startServer(t, "--listen", "tcp://127.0.0.1:0", "--listen", "serial://"+port+"?sender=thermo&event=temperature")
	l := start(t, "listen", "thermo", "temperature", "--url", s.url)
	s.awaitListener("thermo", "temperature")
	require.NoError(t, os.Symlink(path, port)) // it is plugged in
	_, err := master.WriteString("\n21.5\n22\n")
	require.NoError(t, err)
	require.Contains(t, l.Line(), "21.5")
	require.Contains(t, l.Line(), "22")
}

// A router can be a child of the command that talks to it, at its standard input and
// output, and ends with it.
func TestServeStdio(t *testing.T) {
	sig := binary(os.Getenv(binaryDir))
	r := sigRun(t, "senders", "--json", "--url", "exec:'"+sig+"' serve --listen stdio:")
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stderr, "stopping", "the router stops by itself")
	require.Contains(t, r.stderr, "exit status 0")
}

// A child that speaks the protocol in one line of shell is a sender.
func TestServeExec(t *testing.T) {
	s := startServer(t, "--listen", "tcp://127.0.0.1:0",
		"--listen", `exec:sh -c 'echo "{\"id\":1,\"method\":\"add_sender\",\"params\":{\"sender\":\"shell\",\"events\":\"x\"}}"; cat >/dev/null'`)
	c := s.dial()
	require.Eventually(t, func() bool {
		list, err := c.RemoteSenders(t.Context())
		require.NoError(t, err)
		for _, x := range list {
			if x.Name != nil && *x.Name == "shell" && x.Connected {
				return true
			}
		}
		return false
	}, testPatience, testPatience/1000)
}
