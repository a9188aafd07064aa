package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/auth"
	doors "github.com/sigrouter/sigrouter/internal/gate"
	"github.com/sigrouter/sigrouter/internal/needs"
	"github.com/sigrouter/sigrouter/internal/promtext"
	"github.com/sigrouter/sigrouter/internal/testcert"
	"github.com/sigrouter/sigrouter/router"
)

// httpFrom asks for an address and returns the status and the body.
func httpFrom(t *testing.T, method, url string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	tr := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	resp, err := tr.RoundTrip(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func getPage(t *testing.T, url string, headers ...string) (int, string) {
	t.Helper()
	return httpFrom(t, "GET", url, headers...)
}

// One HTTP server has WebSocket, the dashboard, metrics, health and the inspection.
func TestServeHTTP(t *testing.T) {
	s := startServer(t, "--http", "127.0.0.1:0")
	require.Len(t, s.ready.Listen, 2)
	web := s.ready.HTTP
	require.Regexp(t, `^http://127\.0\.0\.1:[1-9]\d*/$`, web)
	ws := strings.Replace(web, "http:", "ws:", 1) + "sig"
	require.Equal(t, ws, s.ready.Listen[1])
	require.Equal(t, result{}, sigRun(t, "senders", "--url", ws))
	trigger := s.addSender("door", "opened")
	trigger(map[string]any{"by": "ana"})
	s.await(func() bool {
		_, body := getPage(t, web+"metrics")
		return strings.Contains(body, `sig_signal_events_total{sender="door",event="opened"} 1`)
	}, "the event in the metrics")

	status, body := getPage(t, web)
	require.Equal(t, 200, status)
	require.Contains(t, body, "<title>")
	status, body = getPage(t, web+"metrics")
	require.Equal(t, 200, status)
	p, err := promtext.Parse(body, false)
	require.NoError(t, err)
	_, n := p.Value("sig_carrier_connections_total", "carrier", "ws")
	require.Equal(t, 1, n)
	status, body = getPage(t, web+"api/signal?sender=door&event=opened")
	require.Equal(t, 200, status)
	var d router.SignalDetail
	require.NoError(t, json.Unmarshal([]byte(body), &d))
	require.Equal(t, `{"by":"ana"}`, d.Last.Data)
	_, body = getPage(t, web+"api/log")
	require.Contains(t, body, "peer connected", "the log is kept for the dashboard")
	for path, want := range map[string]string{"healthz": "ok\n", "readyz": "ready\n"} {
		status, body = getPage(t, web+path)
		require.Equal(t, 200, status)
		require.Equal(t, want, body)
	}
	for path, want := range map[string]int{"debug/vars": 200, "api/": 200, "api/nothing": 404, "nothing": 404, "debug/pprof/": 404, "sig": http.StatusUpgradeRequired} {
		status, body = getPage(t, web+path)
		require.Equal(t, want, status, path)
		require.Equal(t, 1, strings.Count(strings.TrimSuffix(body, "\n")+"\n", "\n"), path)
	}
	status, _ = httpFrom(t, "POST", web+"metrics")
	require.Equal(t, http.StatusMethodNotAllowed, status)
	for _, path := range []string{"", "metrics", "api/status", "sig"} {
		status, _ = getPage(t, web+path, "Host", "evil.example")
		if path != "sig" { // which wants to be WebSocket first
			require.Equal(t, http.StatusForbidden, status, path)
		}
		status, _ = getPage(t, web+path, "Origin", "https://evil.example")
		if path != "sig" {
			require.Equal(t, http.StatusForbidden, status, path)
		}
	}
}

// sig serve alone has everything at its usual places, unless something else is there.
func TestServeAlone(t *testing.T) {
	p := start(t, "serve")
	line, ok := <-p.Lines
	if !ok {
		<-p.Exited
		require.Contains(t, p.Errors(), "another program listens")
		needs.Skip(t, "a router runs on this machine: "+p.Errors())
	}
	s := &server{process: p}
	require.NoError(t, json.Unmarshal([]byte(line), &s.ready), line)
	require.Equal(t, []string{defaultURL, "ws://127.0.0.1:3080/sig"}, s.ready.Listen)
	require.Equal(t, "http://127.0.0.1:3080/", s.ready.HTTP)
	r := sigRun(t, "serve", "--listen", "tcp://127.0.0.1:0", "--http", defaultHTTP)
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, "another program listens at 127.0.0.1:3080; stop it, or choose another port")
	require.Contains(t, r.stderr, "--http says where else, or --http off nowhere")
}

// Addresses of WebSocket may be at the HTTP server, and elsewhere.
func TestServeSharesItsPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	at := l.Addr().String()
	require.NoError(t, l.Close())
	s := startServer(t, "--http", at, "--listen", "ws://"+at+"/a", "--listen", "ws://"+at+"/b/c", "--listen", "ws://127.0.0.1:0/sig")
	require.Len(t, s.ready.Listen, 3)
	for _, url := range append(s.ready.Listen, "ws://"+at+"/a", "ws://"+at+"/b/c") {
		require.Equal(t, result{}, sigRun(t, "senders", "--url", url), url)
	}
	status, _ := getPage(t, s.ready.HTTP+"sig")
	require.Equal(t, 404, status, "addresses that are given take the place of the usual one")
}

func TestServeHTTPOff(t *testing.T) {
	s := startServer(t)
	require.Empty(t, s.ready.HTTP)
	require.Len(t, s.ready.Listen, 1)
	s = startServer(t, "--http", "off", "--listen", "tcp://127.0.0.1:0")
	require.Empty(t, s.ready.HTTP)
}

// With a login nothing is told but health, and what a token permits.
func TestServeHTTPLogin(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	line := func(name, token string) string { return fmt.Sprintf("token %s %s %s\n", name, auth.Hash(token), name) }
	require.NoError(t, os.WriteFile(tokens, []byte(line("boss", "t1")+line("scraper", "t2")+"allow boss any >\nallow scraper request #router metrics\n"), 0o600))
	s := startServer(t, "--http", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--pprof", "--token-file", tokens)
	for _, url := range []string{
		s.ready.HTTP + "metrics", s.ready.HTTP + "api/", s.ready.HTTP + "api/status", s.ready.HTTP + "debug/vars",
		s.ready.HTTP + "debug/pprof/goroutine?debug=1", s.ready.Metrics + "metrics",
	} {
		status, body := getPage(t, url)
		require.Equal(t, 401, status, url)
		require.Contains(t, body, "not logged in")
		status, _ = getPage(t, url, "Authorization", "Bearer t3")
		require.Equal(t, 401, status, url)
		status, _ = getPage(t, url, "Authorization", "Bearer t1")
		require.Equal(t, 200, status, url)
		status, _ = getPage(t, url, "Authorization", "Bearer t2")
		if strings.HasSuffix(url, "metrics") || strings.HasSuffix(url, "vars") {
			require.Equal(t, 200, status, url)
		} else {
			require.Equal(t, 403, status, url)
		}
	}
	for _, url := range []string{s.ready.HTTP, s.ready.Metrics} {
		status, body := getPage(t, url+"healthz")
		require.Equal(t, 200, status)
		require.Equal(t, "ok\n", body)
	}
}

// The address for metrics has nothing else.
func TestServeMetricsAlone(t *testing.T) {
	s := startServer(t, "--metrics", "127.0.0.1:0")
	require.Empty(t, s.ready.HTTP)
	for path, want := range map[string]int{"metrics": 200, "healthz": 200, "readyz": 200, "": 404, "api/status": 404, "debug/vars": 404, "sig": 404} {
		status, body := getPage(t, s.ready.Metrics+path)
		require.Equal(t, want, status, body)
	}
}

func TestServeProfiles(t *testing.T) {
	s := startServer(t, "--http", "127.0.0.1:0", "--pprof")
	status, body := getPage(t, s.ready.HTTP+"debug/pprof/goroutine?debug=1")
	require.Equal(t, 200, status)
	require.Contains(t, body, "goroutine profile:")
	status, body = getPage(t, s.ready.HTTP+"debug/pprof/")
	require.Equal(t, 200, status)
	require.Contains(t, body, "heap")
	status, _ = httpFrom(t, "DELETE", s.ready.HTTP+"debug/pprof/")
	require.Equal(t, 405, status)
}

// HTTP over TLS has WebSocket over TLS, and its certificate is read again.
func TestServeHTTPS(t *testing.T) {
	ca := testcert.NewCA(t)
	cert, key := testcert.Files(t, ca.Server(t, testcert.Leaf{}))
	s := startServer(t, "--http", "https://127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	require.True(t, strings.HasPrefix(s.ready.HTTP, "https://"), s.ready.HTTP)
	status, _ := getPage(t, s.ready.HTTP+"readyz")
	require.Equal(t, 200, status)
	require.Equal(t, result{}, sigRun(t, "senders", "--url", s.ready.Listen[1], "--ca", ca.File(t)))
	require.True(t, strings.HasPrefix(s.ready.Listen[1], "wss://"))
	r := sigRun(t, "senders", "--url", strings.TrimSuffix(strings.Replace(s.ready.HTTP, "https:", "tls:", 1), "/"), "--ca", ca.File(t))
	require.Equal(t, exitConnect, r.code)
	require.Contains(t, r.stderr, "a web server answers here")
	require.Contains(t, r.stderr, "try "+s.ready.Listen[1])
	s.Signal(syscall.SIGHUP)
	s.awaitLog("msg=reloaded listen=wss://")
}

func TestServeHTTPUsage(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for says, args := range map[string][]string{
		`--http is "3080", which is no address such as 127.0.0.1:3080`:           {"--http", "3080"},
		`--http is "127.0.0.1:99999", which is no address`:                       {"--http", "127.0.0.1:99999"},
		`--http is "ftp://127.0.0.1:1"; it has to be host:port, https://`:        {"--http", "ftp://127.0.0.1:1"},
		`--metrics is "127.0.0.1:", which is no address`:                         {"--metrics", "127.0.0.1:"},
		"--http https://127.0.0.1:0 needs a certificate; give it with":           {"--http", "https://127.0.0.1:0"},
		"--pprof needs --http, which says where":                                 {"--http", "off", "--pprof"},
		"--dashboard-token-file: open " + filepath.Join(dir, "none"):             {"--dashboard-token-file", filepath.Join(dir, "none")},
		"has to hold one word, the token":                                        {"--dashboard-token-file", empty},
		"ws://127.0.0.1:3080/ is where the HTTP server has something else; choo": {"--http", "127.0.0.1:3080", "--listen", "ws://127.0.0.1:3080/"},
	} {
		r := sigRun(t, append([]string{"serve", "--check-config"}, args...)...)
		require.Equal(t, exitUsage, r.code, "%q: %s", args, r.stderr)
		require.Contains(t, r.stderr, says)
	}
}

// While it drains the router is alive and not ready.
func TestServeNotReadyWhileItStops(t *testing.T) {
	s := startServer(t, "--http", "127.0.0.1:0", "--drain", "1h")
	gate := newGate()
	s.addSender("slow", "tic", gate.answers()...)
	asking := start(t, "request", "slow", "wait", "--url", s.url)
	gate.awaitAsked(t)
	s.Signal(syscall.SIGTERM)
	s.await(func() bool {
		status, _ := getPage(t, s.ready.HTTP+"readyz")
		return status == http.StatusServiceUnavailable
	}, "not ready")
	status, _ := getPage(t, s.ready.HTTP+"healthz")
	require.Equal(t, 200, status)
	close(gate.release)
	_, code := asking.Wait()
	require.Equal(t, exitDone, code)
	_, code = s.Wait()
	require.Equal(t, exitDone, code)
}

// Who says nothing, or says it slowly, is not waited for.
func TestServeHTTPSlowHead(t *testing.T) {
	s := startServer(t, "--http", "127.0.0.1:0", "--limit", "handshake-timeout=50ms")
	for _, begins := range []string{"", "GET / HTTP/1.1\r\nHost: loc"} {
		conn, err := net.Dial("tcp", strings.Trim(strings.TrimPrefix(s.ready.HTTP, "http:"), "/"))
		require.NoError(t, err)
		_, err = conn.Write([]byte(begins))
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(testPatience)))
		_, err = io.ReadAll(conn)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server closes it")
		require.NoError(t, conn.Close())
	}
}

// How many connections the HTTP server has is a limit: the next one waits.
func TestServeHTTPConns(t *testing.T) {
	s := startServer(t, "--http", "127.0.0.1:0", "--limit", "max-web-conns=1")
	dial := func() net.Conn {
		c, err := net.Dial("tcp", strings.Trim(strings.TrimPrefix(s.ready.HTTP, "http:"), "/"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	ask := func(c net.Conn) {
		_, err := c.Write([]byte("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"))
		require.NoError(t, err)
	}
	first, second := dial(), net.Conn(nil)
	answers := bufio.NewReader(first)
	answered := make(chan error, 1)
	for i := range 20 {
		ask(first)
		resp, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		require.Equal(t, 200, resp.StatusCode)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		if i == 0 {
			second = dial()
			ask(second)
			go func() {
				_, err := second.Read(make([]byte, 1))
				answered <- err
			}()
		}
	}
	require.Empty(t, answered, "two connections are served at once")
	require.NoError(t, first.Close())
	require.NoError(t, <-answered)
}

// Those of an address that has its share are turned away, and counted.
func TestHTTPRefused(t *testing.T) {
	d := &daemon{http: &httpServer{gate: doors.New(9, 1)}}
	from := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}
	require.True(t, d.http.gate.Enter(nil, from))
	require.False(t, d.http.gate.Enter(nil, from))
	require.Zero(t, d.httpRefused(), "the servers may not be there yet")
	d.started.Store(true)
	require.Equal(t, uint64(1), d.httpRefused(), "there is no other server")
}
