package survive

import (
	"bufio"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A crowdOfReaders are listeners of one event that read well, and keep the time it took.
type crowdOfReaders struct {
	t             *testing.T
	s             *site
	n             int
	event, filler sig.Signal
	heard         chan struct{} // when all have all of a batch
	left          atomic.Int64
	start         time.Time
	took          [][]time.Duration // of each reader
}

func (s *site) crowdOfReaders(n int) *crowdOfReaders {
	c := &crowdOfReaders{t: s.t, s: s, n: n, heard: make(chan struct{}, 1), start: time.Now(), took: make([][]time.Duration, n)}
	snd, err := s.srv.AddSender("s", sig.Events("e", "filler"))
	require.NoError(s.t, err)
	c.event, err = snd.Signal("e")
	require.NoError(s.t, err)
	c.filler, err = snd.Signal("filler")
	require.NoError(s.t, err)
	for i := range n {
		_, err := s.dial(router.ClientOptions{}).AddRemoteListener(s.t.Context(), "s", "e", func(e sig.Event) {
			var d struct{ At int64 }
			if e.Decode(&d) != nil || d.At == 0 {
				return
			}
			c.took[i] = append(c.took[i], time.Since(c.start)-time.Duration(d.At))
			if c.left.Add(-1) == 0 {
				c.heard <- struct{}{}
			}
		})
		require.NoError(s.t, err)
	}
	return c
}

// round triggers events in batches, each when all have had the one before, and returns how
// many were delivered a second, and the 99th percentile of how long that took.
func (c *crowdOfReaders) round(batches int) (rate float64, p99 time.Duration) {
	c.t.Helper()
	const batch = 20
	pad := strings.Repeat("x", 100)
	for i := range c.took {
		c.took[i] = c.took[i][:0]
	}
	begin := time.Now()
	for range batches {
		c.left.Store(int64(batch * c.n))
		for range batch {
			require.NoError(c.t, c.event.Trigger(map[string]any{"At": int64(time.Since(c.start)), "pad": pad}))
		}
		select {
		case <-c.heard:
		case <-time.After(patience):
			require.Fail(c.t, "events are missing", "%d", c.left.Load())
		}
	}
	rate = float64(batches*batch*c.n) / time.Since(begin).Seconds()
	all := slices.Concat(c.took...)
	slices.Sort(all)
	return rate, all[len(all)*99/100]
}

// sleeper connects a listener that reads nothing once it is in, and gives it so much that
// some waits for it here.
func (c *crowdOfReaders) sleeper() net.Conn {
	c.t.Helper()
	conn := c.s.raw()
	require.NoError(c.t, conn.(*net.TCPConn).SetReadBuffer(4096))
	r := bufio.NewReader(conn)
	_, err := io.WriteString(conn, hello+`{"id":1,"method":"add_sender","params":{"sender":"sleeper","events":["e"]}}`+
		`{"id":2,"method":"add_listener","params":{"sender":"s","event":"e"}}`+`{"id":3,"method":"add_listener","params":{"sender":"s","event":"filler"}}`)
	require.NoError(c.t, err)
	for range 4 {
		require.Zero(c.t, *reply(c.t, r).Status)
	}
	return conn
}

// fill triggers what only the sleeper hears.
func (c *crowdOfReaders) fill(bytes int) {
	c.t.Helper()
	for range bytes >> 10 {
		require.NoError(c.t, c.filler.Trigger(strings.Repeat("x", 1<<10)))
	}
}

// queued is what waits for the sleeper.
func (s *site) queued() (most int) {
	for _, p := range s.srv.Peers() {
		most = max(most, p.QueueBytes)
	}
	return most
}

// One that takes nothing is closed in time, also where all that was written to it has found
// room in the system's buffers; one that only takes its time is not.
func TestTakesNothing(t *testing.T) {
	s := newSite(t, router.ServerOptions{Limits: carrier.Limits{WriteTimeout: time.Second, Window: 10, PingAfter: time.Minute, DeadAfter: time.Hour}})
	goOn, heard := make(chan struct{}), make(chan struct{}, 100)
	_, err := s.dial(router.ClientOptions{}).AddRemoteListener(t.Context(), "s", "e", func(sig.Event) {
		<-goOn
		heard <- struct{}{}
	})
	require.NoError(t, err)
	at := gone(t, s.srv, "sleeper")
	c := &crowdOfReaders{t: t, s: s}
	snd, err := s.srv.AddSender("s", sig.Events("e", "filler"))
	require.NoError(t, err)
	c.event, err = snd.Signal("e")
	require.NoError(t, err)
	begin := time.Now()
	c.sleeper()
	for range 50 {
		require.NoError(t, c.event.Trigger(1))
	}
	select {
	case when := <-at:
		t.Logf("closed after %v", when.Sub(begin))
		require.Less(t, when.Sub(begin), 5*time.Second)
	case <-time.After(patience):
		require.Fail(t, "it is still there")
	}
	require.True(t, within(patience, func() bool { return strings.Contains(s.log.String(), "too slow: took nothing") }))
	require.Positive(t, s.srv.Stats().Passed["WriteTimeout"])
	s.left(1)
	close(goOn)
	for range 50 {
		<-heard
	}
}

// L1 and G7: one of a hundred listeners reads nothing. The others have what they have without it, as
// soon; it is closed in time, and its queue is no longer than it may be.
func TestOneReadsNothing(t *testing.T) {
	long := os.Getenv("SIG_LONG") != ""
	limits, slack := carrier.Limits{WriteTimeout: 10 * time.Second}, time.Second // as by default
	if !long {
		limits.WriteTimeout, slack = 2*time.Second, 5*time.Second
	}
	s := newSite(t, router.ServerOptions{Limits: limits})
	c := s.crowdOfReaders(amount(40, 100) - 1)
	c.round(20) // to get going
	var rates, p99s []float64
	for range amount(5, 25) {
		alone, soon := c.round(amount(20, 100))
		conn := c.sleeper()
		c.fill(3 << 20)
		require.Positive(t, s.queued(), "it is not stalled")
		beside, late := c.round(amount(20, 100))
		require.Positive(t, s.queued(), "it is not stalled")
		require.LessOrEqual(t, s.queued(), 8<<20)
		require.NoError(t, conn.Close())
		s.left(c.n)
		rates, p99s = append(rates, beside/alone), append(p99s, float64(late)/float64(soon))
	}
	t.Logf("beside one that reads nothing: throughput × %.3f (%.3f), p99 × %.2f (%.2f)", median(rates), rates, median(p99s), p99s)

	at := gone(t, s.srv, "sleeper")
	c.sleeper()
	c.fill(3 << 20)
	begin := time.Now()
	most := 0
	var closed time.Time
	for closed.IsZero() {
		require.Less(t, time.Since(begin), patience, "it is still there")
		c.round(1)
		most = max(most, s.queued())
		select {
		case closed = <-at:
		default:
		}
	}
	t.Logf("it was closed after %v, with at most %d KiB waiting for it", closed.Sub(begin), most>>10)
	require.LessOrEqual(t, most, 8<<20)
	require.LessOrEqual(t, closed.Sub(begin), limits.WriteTimeout+slack)
	s.left(c.n) // only it was closed
	if long {
		require.GreaterOrEqual(t, median(rates), 0.95)
		require.LessOrEqual(t, median(p99s), 1.5)
	} else { // it stalls nobody
		require.GreaterOrEqual(t, median(rates), 0.5)
		require.LessOrEqual(t, median(p99s), 5.0)
	}
}
