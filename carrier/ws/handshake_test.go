package ws

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/origin"
)

// refused sends a request and returns the status and the one line that came back.
func refused(t *testing.T, at, req string) (status int, line string) {
	t.Helper()
	r := connectRaw(t, at)
	r.send([]byte(req))
	resp := r.answer()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.LessOrEqual(t, bytes.Count(body, []byte("\n")), 1, "one line: %q", body)
	return resp.StatusCode, strings.TrimSpace(string(body))
}

func TestRefusedRequests(t *testing.T) {
	l := listen(t, Scheme{}, "ws://127.0.0.1:0/sig")
	at := l.URL()
	var refusals uint64
	for _, c := range []struct {
		name   string
		req    string
		status int
		says   string
	}{
		{"HTTP/1.0", strings.Replace(request(at), "HTTP/1.1", "HTTP/1.0", 1), 400, "HTTP/1.1"},
		{"no WebSocket", request(at, "Upgrade:", "Connection:"), 426, "ws://"},
		{"other upgrade", request(at, "Upgrade: h2c"), 426, "ws://"},
		{"old version", request(at, "Sec-WebSocket-Version: 8"), 400, "version"},
		{"no key", request(at, "Sec-WebSocket-Key:"), 400, "Sec-WebSocket-Key"},
		{"short key", request(at, "Sec-WebSocket-Key: AAAA"), 400, "Sec-WebSocket-Key"},
		{"POST", strings.Replace(request(at), "GET", "POST", 1), 405, "GET"},
		{"other path", strings.Replace(request(at), "/sig", "/sig/x", 1), 404, "/sig"},
		{"other host", request(at, "Host: evil.com"), 403, "evil.com"},
		{"long header", request(at, "X: "+strings.Repeat("x", 20_000)), 431, "431"},
		{"no HTTP", "{\"id\":1}\r\n\r\n", 400, "400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, line := refused(t, at, c.req)
			require.Equal(t, c.status, status, line)
			require.Contains(t, line, c.says)
			refusals++
		})
	}
	require.NoError(t, l.Close()) // and wait for the last to be counted
	require.Equal(t, refusals, l.(interface{ Refused() uint64 }).Refused())
}

// TestUpgradeRequired checks what a browser or curl gets: text, what this is, what to do.
func TestUpgradeRequired(t *testing.T) {
	l := listen(t, Scheme{}, "ws://127.0.0.1:0/sig")
	at := l.URL()
	for says, headers := range map[string][]string{
		at:                             nil,
		"wss://router.example.com/sig": {"Host: router.example.com", "X-Forwarded-Proto: https"},
		"a ws:// URL":                  {"Host: " + strings.Repeat("a", 300)},
	} {
		r := connectRaw(t, at)
		r.send([]byte(request(at, append(headers, "Upgrade:", "Connection:")...)))
		resp := r.answer()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusUpgradeRequired, resp.StatusCode)
		require.Equal(t, "websocket", resp.Header.Get("Upgrade"))
		require.Equal(t, "text/plain; charset=utf-8", resp.Header.Get("Content-Type"))
		require.Equal(t, "this is the WebSocket of a Sig router, and no web page: a client connects to it with "+says+"\n", string(body))
	}
}

// TestOrigin is case S16: of web pages only those that this very host serves may connect.
func TestOrigin(t *testing.T) {
	l := listen(t, Scheme{Options: Options{AllowedOrigins: []string{"https://app.example.com"}}}, "ws://127.0.0.1:0/")
	echo(t, l)
	at := l.URL()
	_, port, _ := net.SplitHostPort(mustURL(t, at).Host)
	for _, origin := range []string{
		"null", "", "http://evil.com", "http://evil.com:" + port, "HTTP://EVIL.COM",
		"http://localhost.evil.com:" + port, "http://127.0.0.1.evil.com:" + port,
		"http://127.0.0.1.:" + port, "http://127.0.0.1", "http://127.0.0.1:1", "https://127.0.0.1",
		"http://127.0.0.1:" + port + "@evil.com", "http://evil.com/@127.0.0.1:" + port,
		"http://evil.com#127.0.0.1:" + port, "http://evil.com?127.0.0.1:" + port, `http://evil.com\@127.0.0.1:` + port,
		"http://user@127.0.0.1:" + port, "http://127.0.0.1:" + port + "/", "http://127.0.0.1:" + port + " http://evil.com",
		"http://xn--lcalhost-63a:" + port, "http://lоcalhost:" + port, "http://[::1]:" + port, "http://0x7f.1:" + port, "http://2130706433:" + port,
		"ws://127.0.0.1:" + port, "file://", "chrome-extension://abcdefgh", "//127.0.0.1:" + port, "127.0.0.1:" + port,
		"http://127.0.0.1:0" + port, "http://localhost:" + port, // another spelling of this host is another origin
		"https://app.example.com.evil.com", "http://app.example.com", "https://app.example.com:8443",
	} {
		status, line := refused(t, at, request(at, "Origin: "+origin))
		require.Equal(t, http.StatusForbidden, status, "origin %q: %s", origin, line)
		require.Contains(t, line, "allowed origins")
		require.Less(t, len(line), 300)
	}
	status, line := refused(t, at, request(at, "Origin: http://127.0.0.1:"+port, "Origin: http://evil.com"))
	require.Equal(t, http.StatusForbidden, status, line)

	dialRaw(t, at)
	dialRaw(t, at, "Origin: http://127.0.0.1:"+port)
	dialRaw(t, at, "Origin: https://127.0.0.1:"+port) // a proxy may have ended TLS
	dialRaw(t, at, "Origin: https://app.example.com")
	dialRaw(t, at, "Origin: http://localhost:"+port, "Host: localhost:"+port)
	dialRaw(t, at, "Origin: http://LocalHost", "Host: localhost")
	dialRaw(t, at, "Origin: http://[::1]:80", "Host: [::1]")
}

func TestAnyOrigin(t *testing.T) {
	l := listen(t, Scheme{Options: Options{AllowedOrigins: []string{"*"}}}, "ws://127.0.0.1:0/")
	echo(t, l)
	dialRaw(t, l.URL(), "Origin: http://evil.com")
}

// TestHost checks that a page whose own name was made to point here gets nowhere.
func TestHost(t *testing.T) {
	l := listen(t, Scheme{Options: Options{AllowedHosts: []string{"Router.local", "[::2]"}}}, "ws://127.0.0.1:0/")
	echo(t, l)
	at := l.URL()
	for _, host := range []string{
		"evil.com", "evil.com:3080", "localhost.evil.com", "127.0.0.1.evil.com", "localhost.", "xlocalhost", "router.local.evil.com",
		"192.168.1.1", "0.0.0.0", "[::]", "[fe80::1]",
	} {
		status, line := refused(t, at, request(at, "Host: "+host, "Origin: http://"+host))
		require.Equal(t, http.StatusForbidden, status, "host %q: %s", host, line)
	}
	for _, host := range []string{"localhost", "LOCALHOST:99", "127.0.0.1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]", "router.LOCAL:3080", "[::2]:1"} {
		dialRaw(t, at, "Host: "+host)
	}
}

// TestHostElsewhere checks that a listener that is no loopback one asks for the Host only
// when told which there are.
func TestHostElsewhere(t *testing.T) {
	for _, c := range []struct {
		local   string
		allowed []string
		ok      bool
	}{
		{"192.168.1.5", nil, true},
		{"192.168.1.5", []string{"router.lan"}, true},
		{"192.168.1.5", []string{"other.lan"}, false},
		{"127.0.0.1", nil, false},
		{"::1", nil, false},
	} {
		r := httptest.NewRequest("GET", "http://router.lan/", nil)
		addr := &net.TCPAddr{IP: net.ParseIP(c.local)}
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(addr)))
		err := origin.CheckHost(r, c.allowed)
		require.Equal(t, c.ok, err == nil, "%+v: %v", c, err)
	}
}

// TestAskedForHost checks that a listener on a loopback address also goes by the name it
// was asked to listen at.
func TestAskedForHost(t *testing.T) {
	name := "127.0.0.1"
	if l, err := net.Listen("tcp", "ip6-localhost:0"); err == nil { // what Debian calls it
		if l.Addr().(*net.TCPAddr).IP.IsLoopback() {
			name = "ip6-localhost"
		}
		l.Close()
	}
	s := Scheme{}
	l, err := s.Listen(t.Context(), mustURL(t, "ws://"+name+":0/"))
	require.NoError(t, err)
	defer l.Close()
	echo(t, l)
	dialRaw(t, l.URL(), "Host: "+name+":1234")
}

func TestSubprotocol(t *testing.T) {
	l := listen(t, Scheme{}, "ws://127.0.0.1:0/")
	echo(t, l)
	for offer, want := range map[string]string{"": "", "sig.v1": "sig.v1", "mqtt, sig.v1": "sig.v1", "mqtt": ""} {
		r := connectRaw(t, l.URL())
		r.send([]byte(request(l.URL(), "Sec-WebSocket-Protocol: "+offer)))
		resp := r.answer()
		require.Equal(t, 101, resp.StatusCode)
		require.Equal(t, want, resp.Header.Get("Sec-WebSocket-Protocol"), "offered %q", offer)
	}
}

// TestNoCompression checks that compression is never agreed on.
func TestNoCompression(t *testing.T) {
	l := listen(t, Scheme{}, "ws://127.0.0.1:0/")
	echo(t, l)
	r := connectRaw(t, l.URL())
	r.send([]byte(request(l.URL(), "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7")))
	resp := r.answer()
	require.Equal(t, 101, resp.StatusCode)
	require.Empty(t, resp.Header.Get("Sec-WebSocket-Extensions"))
	r.send(wireFrame{b0: 0xC1, payload: "x"}.bytes())
	_, code, _ := r.end()
	require.Equal(t, closeProtocol, code)
}

// TestEarlyData sends messages in the same packet as the handshake.
func TestEarlyData(t *testing.T) {
	l := listen(t, Scheme{}, "ws://127.0.0.1:0/")
	echo(t, l)
	for _, n := range []int{10, 1000, 3000, 100_000} {
		s := strings.Repeat("x", n)
		r := connectRaw(t, l.URL())
		r.send(append([]byte(request(l.URL())), append(text(s).bytes(), closing(code(1000, "")).bytes()...)...))
		require.Equal(t, 101, r.answer().StatusCode)
		frames, code, _ := r.end()
		require.Equal(t, []got{{opText, s}}, frames)
		require.Equal(t, 1000, code)
	}
}

// TestSlowHandshake is case S13: whoever dawdles is cut off.
func TestSlowHandshake(t *testing.T) {
	l := listen(t, Scheme{Options: Options{HandshakeTimeout: 100 * time.Millisecond}}, "ws://127.0.0.1:0/")
	for _, begin := range []string{"", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\n"} {
		r := connectRaw(t, l.URL())
		r.send([]byte(begin))
		_, err := io.Copy(io.Discard, r)
		require.NoError(t, err, "cut off, not our own deadline")
	}
}

// TestNobodyAccepts checks that a connection does not wait for Accept for ever.
func TestNobodyAccepts(t *testing.T) {
	l := listen(t, Scheme{Options: Options{HandshakeTimeout: 50 * time.Millisecond}}, "ws://127.0.0.1:0/")
	r := dialRaw(t, l.URL())
	f, err := r.frame()
	require.NoError(t, err)
	require.Equal(t, code(closeTryLater, ""), f.payload[:2])
	require.Equal(t, uint64(1), l.(interface{ Refused() uint64 }).Refused())
	r.send(closing(f.payload).bytes())
}

func TestListenerClose(t *testing.T) {
	l := listen(t, Scheme{}, "ws://127.0.0.1:0/")
	waiting := dialRaw(t, l.URL()) // accepted by nobody
	unsaid := connectRaw(t, l.URL())
	other := dial(t, Scheme{}, l.URL())
	first, err := l.Accept()
	require.NoError(t, err)
	second, err := l.Accept()
	require.NoError(t, err)
	third := dialRaw(t, l.URL())
	var wg sync.WaitGroup
	wg.Go(func() {
		f, err := third.frame()
		if err != nil || f.payload[:2] != code(closeGoingAway, "") {
			t.Errorf("got %v, %v; want to be told that the server goes away", f, err)
		}
		third.send(closing(f.payload).bytes())
	})
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	wg.Wait()
	_, err = l.Accept()
	require.ErrorIs(t, err, carrier.ErrClosed)
	_, err = unsaid.Read(make([]byte, 1))
	require.Error(t, err)
	_, err = net.Dial("tcp", mustURL(t, l.URL()).Host)
	require.Error(t, err, "the port is closed")

	// What was accepted lives on.
	for _, c := range []carrier.Conn{first, second} {
		require.NoError(t, c.Send([]byte("{}")))
		defer c.Close()
	}
	frame, err := other.Recv()
	require.NoError(t, err)
	require.Equal(t, "{}", string(frame))
	_, err = waiting.frame()
	require.NoError(t, err)
}

// TestMounted mounts a Listener and a Handler in a server with middleware around them.
func TestMounted(t *testing.T) {
	l := NewListener(Options{URL: "ws://router.example.com/sig"})
	handled := make(chan carrier.Conn, 1)
	mux := http.NewServeMux()
	mux.Handle("/sig", l)
	mux.Handle("/own", &Handler{Serve: func(c carrier.Conn) { handled <- c }})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(wrapped{w}, r)
	}))
	defer srv.Close()
	at := "ws" + strings.TrimPrefix(srv.URL, "http")
	echo(t, l)
	require.Equal(t, "ws://router.example.com/sig", l.URL())

	c := dial(t, Scheme{}, at+"/sig")
	require.NoError(t, c.Send([]byte("{}")))
	frame, err := c.Recv()
	require.NoError(t, err)
	require.Equal(t, "{}", string(frame))

	c = dial(t, Scheme{}, at+"/own?token=x")
	server := <-handled
	defer server.Close()
	require.NoError(t, server.Send([]byte("[]")))
	frame, err = c.Recv()
	require.NoError(t, err)
	require.Equal(t, "[]", string(frame))

	require.NoError(t, l.Close())
	status, line := refused(t, at+"/sig", request(at+"/sig"))
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "shutting down", line)
	require.Equal(t, uint64(1), l.Refused())
}

// wrapped is what middleware makes of a ResponseWriter: it cannot hijack by itself.
type wrapped struct{ w http.ResponseWriter }

func (w wrapped) Header() http.Header         { return w.w.Header() }
func (w wrapped) Write(b []byte) (int, error) { return w.w.Write(b) }
func (w wrapped) WriteHeader(status int)      { w.w.WriteHeader(status) }
func (w wrapped) Unwrap() http.ResponseWriter { return w.w }

// TestProxied checks that a request which a proxy on this machine passes on does not
// count as local.
func TestProxied(t *testing.T) {
	l := listen(t, Scheme{}, "ws://127.0.0.1:0/")
	dialRaw(t, l.URL(), "X-Forwarded-For: 203.0.113.7")
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()
	require.False(t, c.(carrier.Describer).Info().Loopback)
}

// TestLogOfRefusals checks that hostile text does not get into the log as it is.
func TestLogOfRefusals(t *testing.T) {
	var buf bytes.Buffer
	o := &Options{Log: slog.New(slog.NewTextHandler(&buf, nil))}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Origin": {"http://\x1b[31m\u202eevil" + strings.Repeat("x", 10_000)},
	}
	w := httptest.NewRecorder()
	require.Nil(t, o.accept(w, r))
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Equal(t, 1, strings.Count(buf.String(), "\n"))
	require.Less(t, buf.Len(), 1024)
	require.NotContains(t, buf.String(), "\x1b")
	require.NotContains(t, buf.String(), "\u202e")
}

// server answers one connection with fixed bytes, in which KEY stands for the head of a
// proper acceptance.
func fakeServer(t *testing.T, answer string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	var wg sync.WaitGroup
	wg.Go(func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		buf := make([]byte, 4096)
		n, _ := nc.Read(buf)
		_, key, _ := strings.Cut(string(buf[:n]), "Sec-WebSocket-Key: ")
		key, _, _ = strings.Cut(key, "\r\n")
		_, _ = io.WriteString(nc, strings.ReplaceAll(answer, "KEY\r\n\r\n", acceptance(key)))
		_, _ = io.Copy(io.Discard, nc)
	})
	t.Cleanup(wg.Wait)
	return "ws://" + ln.Addr().String() + "/sig"
}

func TestDialRefused(t *testing.T) {
	for _, c := range []struct{ name, answer, says string }{
		{"not found", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"},
		{"forbidden with a reason", "HTTP/1.1 403 Forbidden\r\nContent-Length: 12\r\n\r\nnot you, Bob", "not you, Bob"},
		{"a page", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "path of a WebSocket"},
		{"no HTTP", "{\"id\":1}\r\n\r\n", "malformed"},
		{"nothing", "", "no answer within 300ms"},
		{"endless head", "HTTP/1.1 101 X\r\nX: " + strings.Repeat("x", 20<<10), "16384"},
		{"101 without key", "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "is it a WebSocket server"},
		{"101 of HTTP/1.0", "HTTP/1.0 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "is it a WebSocket server"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := fakeServer(t, c.answer)
			s := Scheme{Options: Options{HandshakeTimeout: 300 * time.Millisecond}}
			_, err := s.Dial(t.Context(), mustURL(t, at))
			require.Error(t, err)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, at)
		})
	}
}

// TestDialUnaskedFor checks what the library lets pass: a server that turns on compression
// by itself, a protocol nobody offered.
func TestDialUnaskedFor(t *testing.T) {
	for _, line := range []string{
		"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover",
		"Sec-WebSocket-Extensions: x-other",
		"Sec-WebSocket-Protocol: mqtt",
	} {
		_, err := Scheme{}.shake(t.Context(), &answering{newScript(t, nil), []string{line}}, mustURL(t, "ws://127.0.0.1/"))
		require.ErrorContains(t, err, "nobody asked for")
	}
}

// answering is a script whose acceptance has more header lines.
type answering struct {
	*script
	lines []string
}

func (a *answering) Write(p []byte) (int, error) {
	_, rest, _ := bytes.Cut(p, []byte("Sec-WebSocket-Key: "))
	key, _, _ := bytes.Cut(rest, []byte("\r\n"))
	a.in = []byte(acceptance(string(key), a.lines...))
	return len(p), nil
}

// TestDialReadsOn checks that frames which come in one packet with the server's answer are
// not lost, wherever packets end.
func TestDialReadsOn(t *testing.T) {
	frame := wireFrame{b0: 0x81, payload: `{"n":1}`, bare: true}.bytes()
	at := fakeServer(t, "KEY\r\n\r\n"+strings.Repeat(string(frame), 3))
	c := dial(t, Scheme{}, at)
	for range 3 {
		got, err := c.Recv()
		require.NoError(t, err)
		require.Equal(t, `{"n":1}`, string(got))
	}
}

// TestClientRules checks the rules that only a client can check.
func TestClientRules(t *testing.T) {
	for name, f := range map[string]wireFrame{
		"masked":       text("{}"),
		"reserved bit": {b0: 0xC1, payload: "x", bare: true},
		"bad opcode":   {b0: 0x83, payload: "x", bare: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, Scheme{Options: Options{CloseTimeout: 50 * time.Millisecond}}, fakeServer(t, "KEY\r\n\r\n"+string(f.bytes())))
			_, err := c.Recv()
			require.ErrorContains(t, err, "websocket")
			require.NoError(t, c.(carrier.ReasonCloser).CloseReason(closeProtocol, ""))
		})
	}
}

func TestDialContext(t *testing.T) {
	at := fakeServer(t, "") // says nothing
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("no longer wanted")
	time.AfterFunc(50*time.Millisecond, func() { cancel(reason) })
	start := time.Now()
	_, err := Scheme{}.Dial(ctx, mustURL(t, at))
	require.ErrorIs(t, err, reason)
	require.Less(t, time.Since(start), 4*time.Second)

	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_, err = Scheme{}.Dial(ctx, mustURL(t, fakeServer(t, "")))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestURLs(t *testing.T) {
	_, err := Scheme{}.Listen(t.Context(), mustURL(t, "ws://127.0.0.1:0/?x=1"))
	require.ErrorContains(t, err, `unknown setting "x"`)
	_, err = Scheme{}.Listen(t.Context(), mustURL(t, "wss://127.0.0.1:0/"))
	require.ErrorContains(t, err, "certificate")
	_, err = Scheme{}.Dial(t.Context(), mustURL(t, "ws://me:secret@127.0.0.1:1/"))
	require.ErrorContains(t, err, "user and password")
	require.NotContains(t, err.Error(), "secret")
	_, err = Scheme{}.Dial(t.Context(), mustURL(t, "ws:///x"))
	require.ErrorContains(t, err, "no host")
	_, err = Scheme{}.Dial(t.Context(), mustURL(t, "ws://127.0.0.1:1/"))
	require.ErrorContains(t, err, "refused")
	require.Equal(t, []string{"ws", "wss"}, Scheme{}.Schemes())

	l := listen(t, Scheme{}, "ws://127.0.0.1:0")
	require.Regexp(t, `^ws://127\.0\.0\.1:\d+/$`, l.URL())
	l = listen(t, Scheme{}, "ws://127.0.0.1:0/a%20b/")
	require.Regexp(t, `^ws://127\.0\.0\.1:\d+/a%20b/$`, l.URL())
	echo(t, l)
	dial(t, Scheme{Header: http.Header{"X-Test": {"1"}}}, l.URL())
}
