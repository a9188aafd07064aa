package ws

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// answerer is a Handler that answers each call with its params.
type answerer struct{ gone chan error }

func (answerer) Connected(*carrier.Peer) error { return nil }

func (answerer) Message(p *carrier.Peer, m *wire.Msg) {
	p.Reply(carrier.IDOf(m), m.Params)
	p.Touch(p)
}

func (a answerer) Disconnected(_ *carrier.Peer, reason error) { a.gone <- reason }

// serveEngine runs an engine at a WebSocket address.
func serveEngine(t *testing.T, o carrier.Options) (e *carrier.Engine, at string, gone <-chan error) {
	h := answerer{make(chan error, 100)}
	e = carrier.NewEngine(h, o)
	l := listen(t, Scheme{Options: Options{CloseTimeout: 200 * time.Millisecond}}, "ws://127.0.0.1:0/")
	var wg sync.WaitGroup
	wg.Go(func() { _ = e.Serve(l) })
	t.Cleanup(func() {
		_ = e.Shutdown(context.Background(), "test over")
		wg.Wait()
	})
	return e, l.URL(), h.gone
}

func call(i int, params string) wireFrame {
	return text(fmt.Sprintf(`{"id":%d,"method":"x","params":%s}`, i, params))
}

// TestEngineClassic is a page without hello: it calls as often and as much as it likes,
// since WebSocket keeps messages apart.
func TestEngineClassic(t *testing.T) {
	_, at, gone := serveEngine(t, carrier.Options{})
	r := dialRaw(t, at)
	long := `{"s":"` + strings.Repeat("x", 100_000) + `"}`
	var b []byte
	const calls = 200
	for i := range calls {
		b = append(b, call(i, "{}").bytes()...)
	}
	b = append(b, call(calls, long).bytes()...)
	start := time.Now()
	r.send(b)
	for i := range calls + 1 {
		f, err := r.frame()
		require.NoError(t, err)
		require.Equal(t, byte(opText), f.op)
		var reply struct {
			ID       int
			Status   int
			Response json.RawMessage
		}
		require.NoError(t, json.Unmarshal([]byte(f.payload), &reply), "%.100q", f.payload)
		require.Equal(t, i, reply.ID)
		require.Equal(t, 0, reply.Status)
		if i == calls {
			require.Equal(t, long, string(reply.Response))
		}
	}
	require.Less(t, time.Since(start), calls*10*time.Millisecond, "no pauses between them")
	r.send(closing(code(1000, "")).bytes())
	_, c, _ := r.end()
	require.Equal(t, 1000, c)
	require.ErrorContains(t, <-gone, "1000")
}

// TestEngineCloseCodes checks what a client is told when the engine closes.
func TestEngineCloseCodes(t *testing.T) {
	e, at, gone := serveEngine(t, carrier.Options{Limits: carrier.Limits{MaxMessage: 1000}})
	for _, c := range []struct {
		send wireFrame
		code int
		says string
	}{
		{text("nonsense"), closeProtocol, "bad input"},
		{text(`{"id":1,"method":"x"} {"id":2,"method":"x"}`), closeProtocol, "more than one message"},
		{text(`{"id":1,`), closeProtocol, "too early"},
		{text(""), closeProtocol, "bad input"},
		{text(strings.Repeat(" ", 1001)), closeTooBig, "1000"},
		{text("{\"id\":\"\xff\"}"), closeInvalid, "UTF-8"},
	} {
		r := dialRaw(t, at)
		r.send(append(call(7, "{}").bytes(), c.send.bytes()...))
		frames, code, reason := r.end()
		require.NotEmpty(t, frames)
		require.Contains(t, frames[0].payload, `"id":7,"status":0`, "what came before is answered")
		require.Equal(t, c.code, code, "%+v: %s", c.send, reason)
		require.Contains(t, reason, c.says)
		require.Error(t, <-gone)
	}

	r := dialRaw(t, at)
	r.send(call(1, "{}").bytes())
	_, err := r.frame()
	require.NoError(t, err)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { _ = e.Shutdown(context.Background(), "maintenance") })
	f, err := r.frame()
	require.NoError(t, err)
	require.Equal(t, got{opClose, code(closeGoingAway, "maintenance")}, f)
	r.send(closing(f.payload).bytes())
}

// TestEnginePartial checks that messages in fragments, of which the last does not come, are
// bounded together, that who keeps the most is told why it is closed, and that nothing is
// kept of it.
func TestEnginePartial(t *testing.T) {
	e, at, gone := serveEngine(t, carrier.Options{Limits: carrier.Limits{PartialTotalBytes: 1 << 20}})
	begin := func(n int) *raw {
		r := dialRaw(t, at)
		r.send(textPart(`{"id":7,"method":"x","params":{"s":"`).bytes())
		for range n {
			r.send(cont(strings.Repeat("x", 50_000)).bytes())
		}
		return r
	}
	settled := func(atLeast, atMost int64) {
		t.Helper()
		kept := func() bool { n := e.PartialBytes(); return n >= atLeast && n <= atMost }
		require.Eventually(t, kept, soon, time.Millisecond, "%d bytes", e.PartialBytes())
	}
	first := begin(6)
	settled(300_000, 500_000)
	most := begin(12)
	settled(900_000, 1<<20)
	last := begin(6)
	frames, c, reason := most.end()
	require.Equal(t, closeTooBig, c)
	require.Contains(t, reason, "a message that is not whole")
	require.Len(t, frames, 1)
	require.Contains(t, frames[0].payload, "(PartialTotalBytes)")
	require.ErrorIs(t, <-gone, sig.ErrLimit)
	settled(600_000, 1_000_000)
	for _, r := range []*raw{first, last} {
		r.send(lastCont(`"}}`).bytes())
		f, err := r.frame()
		require.NoError(t, err)
		require.Contains(t, f.payload, `"id":7,"status":0`)
	}
	settled(0, 0)
	require.Equal(t, map[string]uint64{"PartialTotalBytes": 1}, e.Passed())
}
