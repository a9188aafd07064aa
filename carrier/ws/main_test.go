package ws

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is how long anything may take that should happen at once.
const soon = 10 * time.Second

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	require.NoError(t, err)
	return u
}

func listen(t testing.TB, s Scheme, at string) carrier.Listener {
	t.Helper()
	l, err := s.Listen(t.Context(), mustURL(t, at))
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func dial(t testing.TB, s Scheme, at string) carrier.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	c, err := s.Dial(ctx, mustURL(t, at))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// pair returns the two ends of a connection.
func pair(t testing.TB, o Options) (client, server carrier.Conn) {
	t.Helper()
	l := listen(t, Scheme{Options: o}, "ws://127.0.0.1:0/sig")
	client = dial(t, Scheme{Options: o}, l.URL())
	server, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	return client, server
}

// echo serves connections as an engine would, but sends back what it gets. Why each
// connection ended goes to the channel.
func echo(t testing.TB, l carrier.Listener) <-chan error {
	ended := make(chan error, 1000)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { ended <- echoConn(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return ended
}

func echoConn(c carrier.Conn) error {
	b := c.(carrier.BatchSender)
	var buf []byte
	for {
		frame, err := c.Recv()
		if err == nil {
			buf = b.AppendFrame(buf, frame, nil)
			if c.(carrier.Buffered).Buffered() {
				continue
			}
			err = b.SendBatch(buf)
			buf = buf[:0]
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			_ = b.SendBatch(buf)
			_ = c.Close()
			return err
		default:
			_ = b.SendBatch(buf)
			_ = c.(carrier.ReasonCloser).CloseReason(closeCodeFor(err), err.Error())
			return err
		}
	}
}

func closeCodeFor(err error) int {
	switch {
	case errors.Is(err, sig.ErrMalformed):
		return closeProtocol
	case errors.Is(err, sig.ErrLimit):
		return closeTooBig
	}
	return closeNormal
}

// A raw is a WebSocket client that says what it is told to, right or wrong.
type raw struct {
	t testing.TB
	net.Conn
	br *bufio.Reader
}

// dialRaw connects to a ws:// address with a handshake that has the extra header lines.
func dialRaw(t testing.TB, at string, lines ...string) *raw {
	t.Helper()
	r := connectRaw(t, at)
	r.send([]byte(request(at, lines...)))
	resp := r.answer()
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	return r
}

func connectRaw(t testing.TB, at string) *raw {
	t.Helper()
	nc, err := net.Dial("tcp", mustURL(t, at).Host)
	require.NoError(t, err)
	t.Cleanup(func() { _ = nc.Close() })
	require.NoError(t, nc.SetDeadline(time.Now().Add(soon)))
	return &raw{t, nc, bufio.NewReader(nc)}
}

// request is a handshake. A line replaces a standard one of the same name; a line with
// nothing after its colon takes the standard one out.
func request(at string, lines ...string) string {
	u, _ := url.Parse(at)
	standard := []string{
		"Host: " + u.Host, "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\n", u.EscapedPath())
	replaced := map[string]bool{}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ":")
		replaced[name] = true
		if value != "" {
			b.WriteString(l + "\r\n")
		}
	}
	for _, l := range standard {
		if name, _, _ := strings.Cut(l, ":"); !replaced[name] {
			b.WriteString(l + "\r\n")
		}
	}
	return b.String() + "\r\n"
}

func (r *raw) send(b []byte) {
	r.t.Helper()
	_, err := r.Write(b)
	require.NoError(r.t, err)
}

func (r *raw) answer() *http.Response {
	r.t.Helper()
	resp, err := http.ReadResponse(r.br, nil)
	require.NoError(r.t, err)
	return resp
}

// A got is a frame that came from the server.
type got struct {
	op      byte
	payload string
}

// frame reads one frame. The server's must be unmasked and final.
func (r *raw) frame() (got, error) {
	var h [2]byte
	if _, err := io.ReadFull(r.br, h[:]); err != nil {
		return got{}, err
	}
	require.Equal(r.t, byte(0x80), h[0]&0xF0, "frame is not final or uses a reserved bit")
	require.Less(r.t, h[1], byte(0x80), "server's frame is masked")
	n := uint64(h[1])
	var ext [8]byte
	switch n {
	case 126:
		_, _ = io.ReadFull(r.br, ext[6:])
		n = binary.BigEndian.Uint64(ext[:])
	case 127:
		_, _ = io.ReadFull(r.br, ext[:])
		n = binary.BigEndian.Uint64(ext[:])
	}
	p := make([]byte, n)
	_, err := io.ReadFull(r.br, p)
	return got{h[0] & 0xF, string(p)}, err
}

// end reads up to the end of the stream and returns the data frames and pongs, and the
// close code, 0 when there was none.
func (r *raw) end() (frames []got, code int, reason string) {
	r.t.Helper()
	for {
		f, err := r.frame()
		if err != nil {
			require.ErrorIs(r.t, err, io.EOF, "the connection should end properly")
			return frames, code, reason
		}
		if f.op != opClose {
			require.Zero(r.t, code, "a frame after the close frame")
			frames = append(frames, f)
			continue
		}
		code = closeNoStatus
		if len(f.payload) >= 2 {
			code = int(binary.BigEndian.Uint16([]byte(f.payload)))
			reason = f.payload[2:]
		}
	}
}

// A wireFrame is a frame for raw to send, any of whose fields may be wrong.
type wireFrame struct {
	b0      byte // flags and opcode
	payload string
	length  uint64 // claimed; 0: that of payload
	bare    bool   // not masked
}

func (f wireFrame) bytes() []byte {
	n := f.length
	if n == 0 {
		n = uint64(len(f.payload))
	}
	b := []byte{f.b0}
	mask := byte(0x80)
	if f.bare {
		mask = 0
	}
	switch {
	case n < 126:
		b = append(b, mask|byte(n))
	case n < 1<<16:
		b = append(b, mask|126, byte(n>>8), byte(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), n)
	}
	if f.bare {
		return append(b, f.payload...)
	}
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	b = append(b, key[:]...)
	for i := range len(f.payload) {
		b = append(b, f.payload[i]^key[i&3])
	}
	return b
}

// Frames by short names.
func text(s string) wireFrame          { return wireFrame{b0: 0x81, payload: s} }
func bin(s string) wireFrame           { return wireFrame{b0: 0x82, payload: s} }
func textPart(s string) wireFrame      { return wireFrame{b0: 0x01, payload: s} }
func cont(s string) wireFrame          { return wireFrame{b0: 0x00, payload: s} }
func lastCont(s string) wireFrame      { return wireFrame{b0: 0x80, payload: s} }
func ping(s string) wireFrame          { return wireFrame{b0: 0x89, payload: s} }
func pong(s string) wireFrame          { return wireFrame{b0: 0x8A, payload: s} }
func closing(s string) wireFrame       { return wireFrame{b0: 0x88, payload: s} }
func code(n int, reason string) string { return string([]byte{byte(n >> 8), byte(n)}) + reason }

// binaryFrame is a binary frame of the protocol with a payload.
func binaryFrame(payload string) string {
	return string(binary.BigEndian.AppendUint32([]byte{0x81}, uint32(len(payload)))) + payload
}
