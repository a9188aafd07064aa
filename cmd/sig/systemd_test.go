//go:build !windows

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/internal/testcert"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A fileListener is a socket that can be passed on.
type fileListener interface {
	net.Listener
	File() (*os.File, error)
}

// passing returns a sig that finds the listeners as descriptors from 3 on, with these names,
// as the service manager passes them.
func passing(t *testing.T, names string, listeners []net.Listener, args ...string) *exec.Cmd {
	t.Helper()
	cmd := command(t, args...)
	// The manager writes the process's own number, which a shell knows before it becomes sig.
	cmd.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, cmd.Path}, args...)
	sh, err := exec.LookPath("sh")
	require.NoError(t, err)
	cmd.Path = sh
	cmd.Env = append(cmd.Env, fmt.Sprintf("LISTEN_FDS=%d", len(listeners)), "LISTEN_FDNAMES="+names)
	for _, l := range listeners {
		f, err := l.(fileListener).File()
		require.NoError(t, err)
		t.Cleanup(func() { _ = f.Close() })
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	return cmd
}

func listenTCP(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// Sockets that the service manager has opened are served, whatever is spoken there.
func TestSocketActivation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	local, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer local.Close()
	ca := testcert.NewCA(t)
	cert, key := testcert.Files(t, ca.Server(t, testcert.Leaf{}))
	listeners := []net.Listener{listenTCP(t), local, listenTCP(t), listenTCP(t), listenTCP(t), listenTCP(t)}
	cmd := passing(t, "plain:local:web:secure:secureweb:plain", listeners, "serve",
		"--listen", "systemd:plain", "--listen", "systemd:local", "--listen", "systemd:web?as=ws&path=/sig",
		"--listen", "systemd:secure?as=tls", "--listen", "fd:7?as=wss&path=sig", "--tls-cert", cert, "--tls-key", key)
	s := serverOf(t, startCommand(t, cmd))
	addr := func(i int) string { return listeners[i].Addr().String() }
	require.Equal(t, []string{
		"tcp://" + addr(0), "tcp://" + addr(5), "unix://" + path, "ws://" + addr(2) + "/sig", "tls://" + addr(3), "wss://" + addr(4) + "/sig",
	}, s.ready.Listen)
	for _, url := range s.ready.Listen {
		senders := command(t, "senders", "--url", url)
		senders.Env = append(senders.Env, "SIG_CA="+ca.File(t))
		require.Equal(t, result{}, runCommand(t, senders), url)
	}
	require.NotContains(t, s.Errors(), "no address takes over")
	s.Signal(syscall.SIGTERM)
	_, code := s.Wait()
	require.Equal(t, exitDone, code)
	_, err = os.Lstat(path)
	require.NoError(t, err, "the socket's file is the manager's")
}

func TestSocketActivationUsage(t *testing.T) {
	web := listenTCP(t)
	for says, c := range map[string]struct{ names, listen string }{
		`no socket of that name, but "web", "unknown"; FileDescriptorName=`: {"web", "systemd:plain"},
		"it can be tcp, tls, ws or wss":                                     {"web", "systemd:web?as=http"},
		"unknown setting \"mode\"":                                          {"web", "systemd:web?mode=1"},
		"path is for as=ws and as=wss":                                      {"web", "systemd:web?path=/x"},
		"needs a certificate":                                               {"web", "fd:3?as=tls"},
		"write it as fd:NUMBER":                                             {"web", "fd:web"},
		"no descriptor 77 is open":                                          {"web", "fd:77"},
		"descriptor 5 is no socket that listens":                            {"web", "fd:5"},
	} {
		cmd := passing(t, c.names, []net.Listener{web, web}, "serve", "--listen", c.listen)
		null, err := os.Open(os.DevNull)
		require.NoError(t, err)
		cmd.ExtraFiles = append(cmd.ExtraFiles, null)
		r := runCommand(t, cmd)
		require.NoError(t, null.Close())
		require.Equal(t, exitUsage, r.code, "%s: %s", c.listen, r.stderr)
		require.Contains(t, r.stderr, says)
	}
	r := sigRun(t, "serve", "--listen", "systemd:")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.stderr, "has passed no sockets (LISTEN_FDS); does a .socket unit belong to the service?")
	require.Equal(t, result{}, sigRun(t, "serve", "--listen", "systemd:x", "--check-config"), "they come later")

	s := startCommand(t, passing(t, "web", []net.Listener{web}, "serve", "--listen", "tcp://127.0.0.1:0"))
	s.Line()
	s.await(func() bool { return strings.Contains(s.Errors(), "a socket that no address takes over") }, "a warning")
}

// The HTTP servers take their sockets over, also where all others are taken for TCP.
func TestSocketActivationHTTP(t *testing.T) {
	ca := testcert.NewCA(t)
	cert, key := testcert.Files(t, ca.Server(t, testcert.Leaf{}))
	listeners := []net.Listener{listenTCP(t), listenTCP(t), listenTCP(t)}
	addr := func(i int) string { return listeners[i].Addr().String() }
	s := serverOf(t, startCommand(t, passing(t, "web:plain:numbers", listeners, "serve",
		"--listen", "systemd:", "--http", "systemd:web", "--metrics", "systemd:numbers?as=https", "--tls-cert", cert, "--tls-key", key)))
	require.Equal(t, []string{"tcp://" + addr(1), "ws://" + addr(0) + "/sig"}, s.ready.Listen)
	require.Equal(t, "http://"+addr(0)+"/", s.ready.HTTP)
	require.Equal(t, "https://"+addr(2)+"/", s.ready.Metrics)
	for _, url := range s.ready.Listen {
		require.Equal(t, result{}, sigRun(t, "senders", "--url", url), url)
	}
	status, body := getPage(t, s.ready.HTTP+"metrics")
	require.Equal(t, 200, status)
	require.Contains(t, body, "\nsig_http_connections_refused_total 0\n")
	status, _ = getPage(t, s.ready.Metrics+"readyz")
	require.Equal(t, 200, status)
	require.NotContains(t, s.Errors(), "no address takes over")
}

func TestSocketActivationHTTPUsage(t *testing.T) {
	local, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer local.Close()
	for says, at := range map[string]string{
		`no socket of that name, but "web"`:                           "systemd:http",
		"there are 2 sockets of that name, and an HTTP server":        "systemd:web",
		"--http: systemd:web?as=tls: as=tls; it can be http or https": "systemd:web?as=tls",
		"--http systemd:web?as=https needs a certificate":             "systemd:web?as=https",
		"an HTTP server wants a TCP socket, this is of another kind":  "systemd:local",
	} {
		r := runCommand(t, passing(t, "web:web:local", []net.Listener{listenTCP(t), listenTCP(t), local}, "serve", "--http", at))
		require.Equal(t, exitUsage, r.code, "%s: %s", at, r.stderr)
		require.Contains(t, r.stderr, says)
	}
}

// Sockets meant for another process are left alone.
func TestSocketsOfAnother(t *testing.T) {
	env := map[string]string{"LISTEN_PID": "1", "LISTEN_FDS": "1"}
	require.Empty(t, passedSockets(func(k string) string { return env[k] }))
	require.Zero(t, watchdogEvery(func(k string) string {
		return map[string]string{"WATCHDOG_PID": "1", "WATCHDOG_USEC": "1000000"}[k]
	}))
}

// The service manager hears of a router that lives, twice as often as it wants to.
func TestWatchdog(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	require.NoError(t, err)
	defer manager.Close()
	cmd := command(t, "serve", "--listen", "tcp://127.0.0.1:0")
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=20000")
	startCommand(t, cmd)
	require.NoError(t, manager.SetReadDeadline(time.Now().Add(testPatience)))
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"} {
		buf := make([]byte, 100)
		n, err := manager.Read(buf)
		require.NoError(t, err)
		require.Equal(t, want, string(buf[:n]))
	}
}

// A router is replaced while its clients go on: the socket stays open, so that no connection
// is refused, and what was triggered meanwhile arrives once and in order.
func TestUpgradeWithoutLoss(t *testing.T) {
	socket := listenTCP(t)
	args := []string{"serve", "--listen", "systemd:"}
	url := "tcp://" + socket.Addr().String()
	old := startCommand(t, passing(t, "sig", []net.Listener{socket}, args...))
	old.Line()

	const most = 2000
	heard := make(chan int, 10*most)
	lost := make(chan error, 1)
	var unsure atomic.Int64
	c, err := router.ClientOptions{
		Schemes: sigrouter.Schemes(),
		OnState: func(s router.State) { unsure.Add(int64(s.Unsure)) },
		OnError: func(err error) {
			select {
			case lost <- err:
			default:
			}
		},
	}.Dial(t.Context(), url)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.AddRemoteListener(t.Context(), "counter", "n", func(e sig.Event) {
		var n int
		if e.Decode(&n) == nil {
			heard <- n
		}
	})
	require.NoError(t, err)
	counter, err := c.AddRemoteSender(t.Context(), "counter", sig.Events("n"))
	require.NoError(t, err)
	signal, err := counter.Signal("n")
	require.NoError(t, err)

	var others sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	others.Go(func() { // connections are accepted all the time, if not served at once
		for ctx.Err() == nil {
			nc, err := net.Dial("tcp", socket.Addr().String())
			if err != nil {
				lost <- fmt.Errorf("a connection was refused: %w", err)
				return
			}
			_ = nc.Close()
			time.Sleep(time.Millisecond) // between two, or the socket's own queue is full before the router is back
		}
	})
	next := 0
	trigger := func(until int) {
		for ; next < until; next++ {
			require.NoError(t, signal.Trigger(next))
		}
	}
	trigger(most / 4)
	old.Signal(syscall.SIGTERM)
	trigger(most / 2) // while it drains
	_, code := old.Wait()
	require.Equal(t, exitDone, code)
	trigger(3 * most / 4) // while there is none
	renewed := startCommand(t, passing(t, "sig", []net.Listener{socket}, args...))
	renewed.Line()
	trigger(most) // and while the clients come back
	var got []int
	for len(got) == 0 || got[len(got)-1] != most-1 {
		select {
		case n := <-heard:
			got = append(got, n)
		case err := <-lost:
			require.NoError(t, err)
		case <-time.After(testPatience):
			require.FailNow(t, "not everything arrived", "%d of %d", len(got), most)
		}
	}
	stop()
	others.Wait()
	doubles := len(got) - most
	require.LessOrEqual(t, doubles, int(unsure.Load()), "what came twice was reported as unsure")
	require.True(t, slices.IsSorted(slices.Compact(slices.Clone(got))) || doubles > 0, "in order")
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(got))), most, "each arrived")
	t.Logf("%d events, %d unsure, %d twice", most, unsure.Load(), doubles)
}

// SIGUSR1 has the router say what it knows.
func TestServeDump(t *testing.T) {
	s := startServer(t)
	s.addSender("door", "opened")
	s.Signal(syscall.SIGUSR1)
	s.awaitLog("\n1     tcp")
	require.Contains(t, s.Errors(), `sender "door"`)
	require.Contains(t, s.Errors(), `event "opened": 0 listeners`)
	require.Contains(t, s.Errors(), "clients: 1 connections")

	s = startServer(t, "--log", "json")
	s.addSender("door", "opened")
	s.Signal(syscall.SIGUSR1)
	s.awaitLog(`"msg":"dump"`)
	for line := range strings.Lines(s.Errors()) {
		require.True(t, json.Valid([]byte(line)), line)
	}
}
