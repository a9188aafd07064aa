package carrier_test

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// answering answers every call, and notes in which goroutine it is asked.
type answering struct {
	in   chan string
	busy atomic.Bool
}

func (a *answering) Connected(p *carrier.Peer) error {
	p.SetFast(true, nil, nil)
	return nil
}

func (a *answering) Message(p *carrier.Peer, m *wire.Msg) {
	a.in <- goroutine()
	p.Reply(carrier.IDOf(m), nil)
	p.Touch(p)
}

func (a *answering) Disconnected(*carrier.Peer, error) {}
func (a *answering) Idle(*carrier.Peer) bool           { return !a.busy.Load() }

// goroutine names the goroutine that calls it.
func goroutine() string {
	b := make([]byte, 64)
	name, _, _ := bytes.Cut(b[:runtime.Stack(b, false)], []byte("["))
	return string(name)
}

// serving attaches one end of a connection to an engine and returns the other.
func serving(t *testing.T) (*answering, carrier.Conn, *carrier.Peer) {
	a := &answering{in: make(chan string, 100)}
	e := carrier.NewEngine(a, carrier.Options{})
	ours, theirs := local.Pair()
	p, err := e.Attach(theirs, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Shutdown(context.Background(), "the test is over") })
	return a, ours, p
}

func calling(t *testing.T, conn carrier.Conn) *carrier.Peer {
	e := carrier.NewEngine(&answering{in: make(chan string, 100)}, carrier.Options{})
	p, err := e.AttachDialed(conn, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Shutdown(context.Background(), "the test is over") })
	return p
}

// A short call over memory is handled in the goroutine that makes it, unless the handler
// has something to do already, or the call is long.
func TestWhoWritesHasItRead(t *testing.T) {
	a, conn, _ := serving(t)
	p := calling(t, conn)
	ask := func(params string) (handledIn string) {
		_, err := p.Call(t.Context(), "x", []byte(params))
		require.NoError(t, err)
		return <-a.in
	}
	require.Eventually(t, func() bool { return ask(`{}`) == goroutine() }, 5*time.Second, time.Millisecond, "when its reader waits")
	long := ask(`"` + strings.Repeat("x", 10_000) + `"`)
	require.NotEqual(t, goroutine(), long)
	a.busy.Store(true)
	require.Equal(t, long, ask(`{}`), "the goroutine that reads")
	a.busy.Store(false)
}

// What is sent in parts, or makes no sense, is dealt with as over any other line.
func TestWrittenInParts(t *testing.T) {
	a, conn, p := serving(t)
	try := conn.(carrier.TrySender)
	write := func(s string) {
		n, err := try.TrySendBatch([]byte(s))
		require.NoError(t, err)
		require.Equal(t, len(s), n)
	}
	whole := `{"id":1,"method":"x"}` + "\n"
	for i := range 100 {
		write(whole[:i%len(whole)])
		write(whole[i%len(whole):] + whole)
		<-a.in
		<-a.in
	}
	write(whole + "}" + whole)
	<-a.in
	<-p.Done()
	require.ErrorIs(t, p.Reason(), sig.ErrMalformed)
	require.Empty(t, a.in, "what comes after is not looked at")
}
