package ws

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
)

// FuzzFrames feeds bytes to both kinds of Conn, which must neither panic nor return a
// frame that breaks their promises.
func FuzzFrames(f *testing.F) {
	for _, c := range append(framing(), append(control(), append(fragments(), closes()...)...)...) {
		var masked, bare []byte
		for _, w := range c.send {
			masked = append(masked, w.bytes()...)
			w.bare = true
			bare = append(bare, w.bytes()...)
		}
		if len(masked) < 4096 {
			f.Add(masked)
			f.Add(bare)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o := Options{MaxFrame: 2000, MaxPings: 1000}
		fuzzConn(t, o, scriptedServer(t, o, b))
		fuzzConn(t, o, scriptedClient(t, o, b))
	})
}

func fuzzConn(t *testing.T, o Options, c carrier.Conn) {
	defer c.Close()
	for {
		frame, err := c.Recv()
		if err != nil {
			var none []byte
			frame, again := c.Recv()
			require.Equal(t, none, frame)
			require.Equal(t, err, again)
			return
		}
		require.LessOrEqual(t, len(frame), o.MaxFrame)
		if isBinary(frame) {
			n, err := frameLength(frame)
			require.NoError(t, err)
			require.Len(t, frame, n)
		} else {
			require.True(t, utf8.Valid(frame), "%q", frame)
		}
	}
}

// A script is a net.Conn that reads what it is given, then EOF. It answers a handshake.
type script struct {
	net.Conn // for addresses and deadlines
	in       []byte
}

func newScript(t testing.TB, in []byte) *script {
	a, b := net.Pipe()
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return &script{a, in}
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	if _, rest, ok := bytes.Cut(p, []byte("Sec-WebSocket-Key: ")); ok {
		key, _, _ := bytes.Cut(rest, []byte("\r\n"))
		s.in = append([]byte(acceptance(string(key))), s.in...)
	}
	return len(p), nil
}

// acceptance is a server's answer to a handshake.
func acceptance(key string, lines ...string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n" +
		strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

func scriptedClient(t testing.TB, o Options, in []byte) carrier.Conn {
	c, err := Scheme{Options: o}.shake(t.Context(), newScript(t, in), mustURL(t, "ws://127.0.0.1/"))
	require.NoError(t, err)
	return c
}

func scriptedServer(t testing.TB, o Options, in []byte) carrier.Conn {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request("ws://127.0.0.1/"))))
	require.NoError(t, err)
	w := &hijackable{httptest.NewRecorder(), newScript(t, in)}
	c := o.accept(w, r)
	require.NotNil(t, c, w.Body)
	return c
}

type hijackable struct {
	*httptest.ResponseRecorder
	nc net.Conn
}

func (h *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if h.nc == nil {
		return nil, nil, errors.New("no connection")
	}
	return h.nc, bufio.NewReadWriter(bufio.NewReader(h.nc), bufio.NewWriter(h.nc)), nil
}
