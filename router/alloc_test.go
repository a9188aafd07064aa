package router

import (
	"bufio"
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/tcp"
	"github.com/sigrouter/sigrouter/sig"
)

// What must not allocate.
func TestAllocations(t *testing.T) {
	if raceOn {
		t.Skip("the race detector allocates")
	}
	r, _ := newRouter(t, Options{})
	answer := func(_ context.Context, q sig.Request) (any, error) { return q.Params, nil }
	s := addSender(t, r, "s", sig.Events("a", "queued", "waitable", "nobody"), sig.Retain("kept"), sig.Answer("m", answer))
	nothing := func(sig.Event) {}
	for _, n := range [][2]string{{"s", "a"}, {"s", "kept"}, {"*", "a"}, {sig.Any, "a"}, {"s", "a"}} {
		addListener(t, r, n[0], n[1], nothing)
	}
	addListener(t, r, "s", "waitable", nothing, sig.Waitable())
	for _, p := range []sig.Policy{sig.Block, sig.Block, sig.DropOldest, sig.DropNewest, sig.Latest} {
		addListener(t, r, "s", "queued", nothing, sig.Queue(100, p))
	}
	addListener(t, r, "s", "queued", nothing, sig.Queue(1, sig.Block))
	method := r.Method("s", "m")
	data := &struct{ n int }{}
	byName := func(event string) func() {
		return func() {
			s, _ := r.Sender("s")
			sg, _ := s.Signal(event)
			_ = sg.Trigger(data)
		}
	}
	held := func(event string) func() {
		sg := signalOf(t, s, event)
		return func() { _ = sg.Trigger(data) }
	}
	for name, fn := range map[string]func(){
		"trigger":                 held("a"),
		"trigger to nobody":       held("nobody"),
		"trigger by name":         byName("a"),
		"trigger retained":        held("kept"),
		"trigger queued":          held("queued"),
		"trigger waitable":        held("waitable"),
		"request":                 func() { _, _ = method.Request(context.Background(), data) },
		"request by name":         func() { _, _ = r.Request(context.Background(), "s", "m", data) },
		"route of a remote event": func() { _, _ = r.signal("s", "a").route() },
	} {
		for range 1000 {
			fn() // queues grow to their size
		}
		require.Zero(t, testing.AllocsPerRun(1000, fn), name)
	}
}

// How much a subscription takes, and a sender, at most.
func TestMemory(t *testing.T) {
	if raceOn {
		t.Skip("the race detector takes memory")
	}
	r, _ := newRouter(t, Options{})
	addSender(t, r, "s", sig.Events("a"))
	nothing := func(sig.Event) {}
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = r.AddListener("s", "a", nothing) }), 3.0)
}

// What an idle connection takes, the end of the client included. Half of it is the stack of
// the goroutine that reads: a few calls more between it and the socket would double that.
func TestIdleConnection(t *testing.T) {
	if raceOn {
		t.Skip("the race detector takes memory")
	}
	const n = 500
	srv := ServerOptions{Schemes: carrier.NewSchemes(tcp.Scheme{}), Limits: carrier.Limits{PingAfter: time.Hour}}.New()
	defer srv.Close()
	l, err := srv.Listen(t.Context(), "tcp://127.0.0.1:0")
	require.NoError(t, err)
	before := memory()
	for range n {
		c, err := net.Dial("tcp", strings.TrimPrefix(l.URL(), "tcp://"))
		require.NoError(t, err)
		defer c.Close()
		_, err = io.WriteString(c, `{"id":1,"method":"hello","params":{"version":1,"envelope":"frame"}}`)
		require.NoError(t, err)
		answer, err := bufio.NewReader(c).ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, answer, `"status":0`)
	}
	each := (memory() - before) / n
	t.Logf("%d bytes", each)
	require.Less(t, each, uint64(10<<10))
}

// memory returns how many bytes are in use.
func memory() uint64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
