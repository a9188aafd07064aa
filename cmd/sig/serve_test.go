package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestServeSaysWhereItIsReached(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, "--listen", "tcp://127.0.0.1:0", "--listen", "unix:"+filepath.Join(dir, "s"),
		"--listen", "ws://127.0.0.1:0/sig", "--name", "kitchen")
	require.Equal(t, s.Cmd.Process.Pid, s.ready.PID)
	require.Equal(t, "kitchen", s.ready.Name)
	require.Len(t, s.ready.Listen, 3)
	for _, url := range s.ready.Listen {
		require.NotContains(t, url, ":0")
		r := sigRun(t, "senders", "--url", url)
		require.Equal(t, result{}, r, url)
	}
	require.NotContains(t, s.Errors(), "BEYOND")
}

// Told to stop, it stops; that is no failure. The line that says ready stays the only one.
func TestServeStops(t *testing.T) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		srv := startServer(t)
		srv.dial()
		srv.Signal(s)
		lines, code := srv.Wait()
		require.Equal(t, exitDone, code)
		require.Empty(t, lines)
		require.Contains(t, srv.Errors(), "msg=stopped\n")
	}
}

func TestServeStopsWithItsParent(t *testing.T) {
	s := startServer(t, "--until-eof", "--quiet")
	require.NoError(t, s.Stdin.Close())
	_, code := s.Wait()
	require.Equal(t, exitDone, code)
	require.Empty(t, s.Errors())
}

// What is on its way when the router is told to stop still arrives.
func TestServeDrains(t *testing.T) {
	s := startServer(t)
	gate := newGate()
	s.addSender("slow", "tic", gate.answers()...)
	asking := start(t, "request", "slow", "wait", "--url", s.url)
	gate.awaitAsked(t)
	s.Signal(syscall.SIGTERM)
	s.awaitLog("stopping")
	close(gate.release)
	lines, code := asking.Wait()
	require.Equal(t, exitDone, code, asking.Errors())
	require.Equal(t, []string{`"released"`}, lines)
	_, code = s.Wait()
	require.Equal(t, exitDone, code)
}

// A second Ctrl-C is for those who do not want to wait.
func TestServeStopsAtOnceTheSecondTime(t *testing.T) {
	s := startServer(t, "--drain", "1h")
	gate := newGate()
	s.addSender("slow", "tic", gate.answers()...)
	asking := start(t, "request", "slow", "wait", "--url", s.url, "--timeout", "1h")
	gate.awaitAsked(t)
	s.Signal(os.Interrupt)
	s.awaitLog("stopping")
	s.Signal(os.Interrupt)
	_, code := s.Wait()
	require.Equal(t, exitInterrupted, code)
	_, code = asking.Wait()
	require.Equal(t, exitConnect, code, asking.Errors())
}

// awaitPeers waits until the log has told of so many peers.
func (s *server) awaitPeers(n int) {
	s.t.Helper()
	s.await(func() bool { return strings.Count(s.Errors(), "peer connected") >= n }, "%d peers", n)
}

// awaitLogs waits until the log has told so often of something.
func (s *server) awaitLogs(text string, n int) {
	s.t.Helper()
	s.await(func() bool { return strings.Count(s.Errors(), text) >= n }, "%q %d times in the log", text, n)
}

func (s *server) awaitLog(text string) {
	s.t.Helper()
	s.await(func() bool { return strings.Contains(s.Errors(), text) }, "%q in the log", text)
}

// await looks until a condition holds.
func (p *process) await(holds func() bool, format string, args ...any) {
	p.t.Helper()
	for deadline := time.Now().Add(testPatience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			require.FailNow(p.t, "waited in vain", fmt.Sprintf("for "+format, args...))
		}
	}
}

func TestServePortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	r := sigRun(t, "serve", "--listen", "tcp://127.0.0.1:0", "--listen", "tcp://"+l.Addr().String())
	require.Equal(t, exitFailed, r.code)
	require.Empty(t, r.stdout)
	require.Contains(t, r.stderr, fmt.Sprintf("another program listens at %s; stop it, or choose another port", l.Addr()))
}

func TestServeUsage(t *testing.T) {
	for says, args := range map[string][]string{
		`"127.0.0.1:3000" is no address; did you mean tcp://127.0.0.1:3000?`:               {"--listen", "127.0.0.1:3000"},
		"no carrier for \"bogus://x\"; known are":                                          {"--listen", "bogus://x"},
		"unknown setting \"nodelay\"":                                                      {"--listen", "tcp://127.0.0.1:0?nodelay=1"},
		"tls://127.0.0.1:0 needs a certificate; give it with --tls-cert and --tls-key":     {"--listen", "tls://127.0.0.1:0"},
		"--ready-fd is 99, and no such descriptor is open":                                 {"--ready-fd", "99"},
		`--log is "xml"; it can be text or json`:                                           {"--log", "xml"},
		"--ready-fd is 1; it has to be a descriptor of its own, 3 or above":                {"--ready-fd", "1"},
		"sig serve takes no arguments, and was given \"tcp://127.0.0.1:0\"\nSee sig serve": {"tcp://127.0.0.1:0"},
	} {
		r := sigRun(t, append([]string{"serve"}, args...)...)
		require.Equal(t, exitUsage, r.code, "%q: %s", args, r.stderr)
		require.Contains(t, r.stderr, says)
		require.Empty(t, r.stdout)
	}
}

func TestServeWarnsBeyondThisMachine(t *testing.T) {
	s := startServer(t, "--listen", "tcp://0.0.0.0:0")
	s.awaitLog("LISTENING BEYOND THIS MACHINE without login or encryption")
}

func TestServeLogsJSON(t *testing.T) {
	s := startServer(t, "--log", "json")
	s.dial()
	s.awaitPeers(1)
	for line := range strings.Lines(s.Errors()) {
		require.True(t, json.Valid([]byte(line)), line)
	}
}

func TestServeReadyFD(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	cmd := command(t, "serve", "--listen", "tcp://127.0.0.1:0", "--ready-fd", "3")
	cmd.ExtraFiles = []*os.File{w}
	p := startCommand(t, cmd)
	require.NoError(t, w.Close())
	text, err := io.ReadAll(r) // to its end: the router closes it
	require.NoError(t, err)
	require.Equal(t, p.Line()+"\n", string(text))
}

func TestIsLocal(t *testing.T) {
	for address, want := range map[string]bool{
		"tcp://127.0.0.1:3000": true, "tcp://127.8.8.8:1": true, "tcp://[::1]:3000": true, "tcp://localhost:1": true,
		"ws://127.0.0.1:3080/sig": true, "unix:sig.sock": true, "unix:///run/s": true, "serial:///dev/ttyUSB0": true, "stdio:": true,
		"tcp://0.0.0.0:3000": false, "tcp://[::]:3000": false, "tcp://192.168.1.2:1": false, "tls://example.com:1": false,
	} {
		require.Equal(t, want, isLocal(address), address)
	}
}
