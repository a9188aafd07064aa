package carrier

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// What is in the books is what was entered, whoever grows, shrinks, is struck and goes; those
// that are struck keep the most.
func TestPartialBooks(t *testing.T) {
	const limit = 20 * maxReadBuffer
	rng := rand.New(rand.NewPCG(1, 2))
	var b partials
	peers := make([]*Peer, 20)
	for i := range peers {
		peers[i] = new(Peer)
	}
	kept := map[*Peer]int{}
	for range 20_000 {
		p := peers[rng.IntN(len(peers))]
		bytes := rng.IntN(8) * maxReadBuffer
		ok, worst := b.set(p, bytes, limit)
		struck := p.failed()
		require.Equal(t, ok, bytes <= maxReadBuffer || !struck && (len(worst) == 0 || worst[len(worst)-1].peer != p))
		switch {
		case bytes <= maxReadBuffer:
			delete(kept, p)
		case !struck:
			kept[p] = bytes
		}
		for _, w := range worst {
			require.Equal(t, w.bytes, kept[w.peer])
			for _, other := range kept {
				require.LessOrEqual(t, other, w.bytes)
			}
			delete(kept, w.peer)
			w.peer.dead.Store(true)
		}
		if p.failed() && rng.IntN(4) == 0 {
			b.drop(p)
			*p = Peer{} // another one
		}
		total := 0
		for _, bytes := range kept {
			total += bytes
		}
		require.EqualValues(t, total, b.total)
		require.LessOrEqual(t, total, limit)
	}
	for _, p := range peers {
		b.drop(p)
	}
	require.Zero(t, b.total)
	require.Empty(t, b.of)
}

// Of several that keep the same the one goes that has for the longest.
func TestPartialOldestGoes(t *testing.T) {
	const size = 2 * maxReadBuffer
	var b partials
	first, second, third := new(Peer), new(Peer), new(Peer)
	for _, p := range []*Peer{second, first, third} {
		ok, worst := b.set(p, size, 2*size)
		require.True(t, ok)
		if p == third {
			require.Equal(t, []hoarder{{second, size}}, worst)
		}
	}
	ok, _ := b.set(second, 2*size, 2*size)
	require.False(t, ok, "it is being closed")
	ok, worst := b.set(third, 3*size, 2*size)
	require.False(t, ok)
	require.Equal(t, []hoarder{{third, 3 * size}}, worst, "it is itself the one that keeps the most")
	require.EqualValues(t, size, b.total)
}

// keeper is a Handler that counts messages.
type keeper struct {
	peers chan *Peer
	got   chan int
	gone  chan error
}

func (k keeper) Connected(p *Peer) error            { k.peers <- p; return nil }
func (k keeper) Message(_ *Peer, m *wire.Msg)       { k.got <- len(m.Params) }
func (k keeper) Disconnected(_ *Peer, reason error) { k.gone <- reason }
func newKeeper(n int) keeper {
	return keeper{make(chan *Peer, n), make(chan int, n), make(chan error, n)}
}
func longCall(n int) string {
	return `{"id":1,"method":"x","params":{"x":"` + strings.Repeat("x", n) + `"}}`
}

// sockets are both ends of a TCP connection.
func sockets(t *testing.T, l net.Listener) (ours, theirs net.Conn) {
	t.Helper()
	theirs, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	ours, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = theirs.Close() })
	require.NoError(t, theirs.SetDeadline(time.Now().Add(30*time.Second)))
	return ours, theirs
}

// Many connections begin messages, end some, break off, and are closed: what they keep stays
// within the limit, is never less than nothing, and nothing in the end.
func TestPartialBytesOfManyConnections(t *testing.T) {
	const conns, limit = 100, 2 << 20
	h := newKeeper(20 * conns)
	e := NewEngine(h, Options{Limits: Limits{PartialTotalBytes: limit}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	stop := make(chan struct{})
	var watch, wg sync.WaitGroup
	watch.Go(func() {
		for {
			n := e.PartialBytes()
			if n < 0 || n > limit {
				t.Errorf("%d bytes", n)
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Microsecond): // its pace
			}
		}
	})
	gate := make(chan struct{}, 20)
	for i := range conns {
		ours, theirs := sockets(t, l)
		_, err := e.Attach(NewStream(ours, Info{}), nil)
		require.NoError(t, err)
		gate <- struct{}{}
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(7, uint64(i)))
			for range 5 {
				m := longCall(rng.IntN(500_000))
				if rng.IntN(5) == 0 {
					m = m[:rng.IntN(len(m))]
				}
				_, _ = io.WriteString(theirs, m) // it may have been closed
			}
			_ = theirs.Close()
			<-gate
		})
	}
	wg.Wait()
	for range conns {
		<-h.gone
	}
	close(stop)
	watch.Wait()
	require.NoError(t, e.Shutdown(context.Background(), "test over"))
	require.Zero(t, e.PartialBytes())
	require.Empty(t, e.parts.of)
}

// Who begins messages together with others and keeps the most is closed and told why; the
// others end theirs. Between messages nothing is kept.
func TestPartialTotalBytes(t *testing.T) {
	h := newKeeper(10)
	e := NewEngine(h, Options{Limits: Limits{PartialTotalBytes: 4 * 128 << 10}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	begin := func(n int) (c net.Conn, rest string) {
		ours, c := sockets(t, l)
		_, err := e.Attach(NewStream(ours, Info{}), nil)
		require.NoError(t, err)
		m := longCall(n)
		_, err = io.WriteString(c, m[:len(m)-1])
		require.NoError(t, err)
		return c, m[len(m)-1:]
	}
	kept := func(n int64) {
		t.Helper()
		require.Eventually(t, func() bool { return e.PartialBytes() == n }, 10*time.Second, time.Millisecond, "%d bytes, not %d", e.PartialBytes(), n)
	}
	one, restOfOne := begin(100_000)
	kept(128 << 10)
	most, _ := begin(200_000)
	kept(384 << 10)
	two, restOfTwo := begin(100_000)
	kept(512 << 10)
	three, restOfThree := begin(100_000)
	kept(384 << 10)
	told, _ := io.ReadAll(most) // it may end with a reset, since not all that it sent was read
	require.Contains(t, string(told), `"status":-6`)
	require.Contains(t, string(told), "PartialTotalBytes")
	reason := <-h.gone
	require.ErrorIs(t, reason, sig.ErrLimit)
	require.ErrorContains(t, reason, "262144 bytes of a message that is not whole, the most of all peers")
	require.Equal(t, map[string]uint64{"PartialTotalBytes": 1}, e.Passed())
	for c, rest := range map[net.Conn]string{one: restOfOne, two: restOfTwo, three: restOfThree} {
		_, err := io.WriteString(c, rest)
		require.NoError(t, err)
		require.Greater(t, <-h.got, 100_000)
	}
	kept(0)
	require.NoError(t, e.Shutdown(context.Background(), "test over"))
}

// Long messages may be one after the other without end in one stream, and large ones that fit
// the limit by a hair too.
func TestPartialOfOneStream(t *testing.T) {
	h := newKeeper(100)
	e := NewEngine(h, Options{Limits: Limits{PartialTotalBytes: 2 << 20}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ours, theirs := sockets(t, l)
	_, err = e.Attach(NewStream(ours, Info{}), nil)
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 40 {
			_, _ = io.WriteString(theirs, longCall(i*26_000))
		}
	})
	for i := range 40 {
		require.Equal(t, i*26_000+len(`{"x":""}`), <-h.got)
	}
	wg.Wait()
	require.NoError(t, e.Shutdown(context.Background(), "test over"))
	require.Empty(t, e.Passed())
	require.Zero(t, e.PartialBytes())
}

// Recv that waits ends too, so that what it keeps is given back before the last words are out.
func TestStopRecvWhileItWaits(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ours, theirs := sockets(t, l)
	conn := NewStream(ours, Info{})
	defer conn.Close()
	kept := make(chan int, 10)
	m, ok := probe[Metered](conn)
	require.True(t, ok)
	m.SetMeter(func(bytes int) bool { kept <- bytes; return true })
	ended := make(chan error, 1)
	go func() {
		_, err := conn.Recv()
		ended <- err
	}()
	_, err = io.WriteString(theirs, longCall(100_000)[:100_000])
	require.NoError(t, err)
	require.Equal(t, 128<<10, <-kept)
	m.StopRecv()
	require.ErrorIs(t, <-ended, ErrClosed)
	require.Zero(t, <-kept)
}

func TestLongBuffers(t *testing.T) {
	var b longBuffers
	for _, size := range []int{1, maxReadBuffer, maxReadBuffer + 1, 1 << 20, 1<<20 + 1, 100 << 20} {
		got := b.get(size)
		require.GreaterOrEqual(t, len(got), size)
		require.LessOrEqual(t, len(got), max(2*size, maxReadBuffer))
		b.put(got)
		require.GreaterOrEqual(t, len(b.get(size)), size)
	}
	var none *longBuffers
	none.put(none.get(100))
}
