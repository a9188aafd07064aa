package main

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// commands that talk to a router, with arguments that are in order.
func clientCommands() [][]string {
	return [][]string{
		{"listen"},
		{"trigger", "door", "opened"},
		{"request", "timer", "interval"},
		{"senders"},
		{"bench", "events"},
		{"top"},
		{"record", "new.ndjson"},
	}
}

// Where nothing listens, the message says what to do; the exit code is 3.
func TestNoRouter(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "tcp://" + l.Addr().String()
	require.NoError(t, l.Close())
	for _, args := range clientCommands() {
		r := sigRun(t, append(args, "--url", url)...)
		require.Equal(t, exitConnect, r.code, "%q", args)
		require.Empty(t, r.stdout)
		require.Contains(t, r.stderr, "connection refused")
		require.Contains(t, r.stderr, "Is a router running there? Start one with: sig serve --listen "+url)
	}
}

func TestURLFromEnvironment(t *testing.T) {
	s := startServer(t)
	cmd := command(t, "senders")
	cmd.Env = append(cmd.Env, "SIG_URL="+s.url)
	require.Equal(t, result{}, runCommand(t, cmd))
	cmd = command(t, "senders", "--url", s.url)
	cmd.Env = append(cmd.Env, "SIG_URL=tcp://127.0.0.1:1")
	require.Equal(t, result{}, runCommand(t, cmd), "the flag goes before")
	cmd = command(t, "senders")
	cmd.Env = append(cmd.Env, "SIG_URL=nonsense")
	require.Equal(t, exitUsage, runCommand(t, cmd).code)
}

// fakeRouter answers every line with the same.
func fakeRouter(t *testing.T, answer string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for in := bufio.NewScanner(conn); in.Scan(); {
					if _, err := conn.Write([]byte(answer)); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "tcp://" + l.Addr().String()
}

func TestRefused(t *testing.T) {
	url := fakeRouter(t, `{"id":1,"status":-5,"response":null,"exception":"no such token","error":{"code":"refused"}}`+"\n")
	for _, args := range clientCommands() {
		r := sigRun(t, append(args, "--url", url)...)
		require.Equal(t, exitRefused, r.code, "%q: %s", args, r.stderr)
		require.Contains(t, r.stderr, "no such token")
		require.Contains(t, r.stderr, "give it with --token-file")
	}
}

// A router that does not speak is one that cannot be connected to.
func TestSilentRouter(t *testing.T) {
	url := fakeRouter(t, "")
	begin := time.Now()
	r := sigRun(t, "senders", "--url", url, "--timeout", "100ms")
	require.Less(t, time.Since(begin), 5*time.Second)
	require.Equal(t, exitConnect, r.code)
	require.Contains(t, r.stderr, "no answer within 100ms")
}

func TestNotARouter(t *testing.T) {
	url := fakeRouter(t, "HTTP/1.1 400 Bad Request\r\n\r\n")
	r := sigRun(t, "senders", "--url", url)
	require.Equal(t, exitConnect, r.code, r.stderr)
	require.NotContains(t, r.stderr, "panic")
}

// Where somebody is there, or it is no address of sig serve, nobody is told to start one.
func TestNoRouterOfOurs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = conn.Close()
		}
	}()
	for url, says := range map[string]string{
		"tls://" + l.Addr().String():          "does not speak TLS here",
		"ws://" + l.Addr().String() + "/nope": "is this the path of a WebSocket? That of sig serve is ws://" + l.Addr().String() + "/sig",
		"exec:/nosuch/program":                "no such file",
	} {
		r := sigRun(t, "senders", "--url", url)
		require.Equal(t, exitConnect, r.code, url)
		require.Contains(t, r.stderr, says, url)
		require.NotContains(t, r.stderr, "Start one with", url)
	}
	r := sigRun(t, "senders", "--url", "tcp://"+l.Addr().String())
	require.Equal(t, exitConnect, r.code)
	require.Equal(t, 1, strings.Count(r.stderr, "a web server answers here"), r.stderr)
}

// Who takes the wrong address of a router's HTTP server is told the right one.
func TestWebAddresses(t *testing.T) {
	s := startServer(t, "--http", "127.0.0.1:0")
	at := strings.Trim(strings.TrimPrefix(s.ready.HTTP, "http:"), "/")
	right := "ws://" + at + "/sig"
	require.Equal(t, result{}, sigRun(t, "senders", "--url", right))
	for url, c := range map[string]struct {
		code int
		says string
	}{
		"tcp://" + at:              {exitConnect, `a web server answers here ("HTTP/1.1 400 Bad Request"); a Sig router has its WebSocket there, try ` + right},
		"ws://" + at + "/nope":     {exitConnect, `the server answered "404 Not Found": "there is nothing here; WebSocket is at ` + right},
		"ws://" + at:               {exitConnect, "WebSocket is at " + right},
		"ws://" + at + "/api/x":    {exitConnect, "WebSocket is at " + right},
		"http://" + at:             {exitUsage, "is the address of a web page, and a client speaks no HTTP; did you mean " + right + "?"},
		"http://" + at + "/":       {exitUsage, "did you mean " + right + "?"},
		"https://" + at + "/other": {exitUsage, "did you mean wss://" + at + "/other?"},
	} {
		r := sigRun(t, "senders", "--url", url)
		require.Equal(t, c.code, r.code, "%s: %s", url, r.stderr)
		require.Contains(t, r.stderr, c.says, url)
	}
	status, body := getPage(t, s.ready.HTTP+"sig")
	require.Equal(t, 426, status)
	require.Equal(t, "this is the WebSocket of a Sig router, and no web page: a client connects to it with "+right+"\n", body)
}
