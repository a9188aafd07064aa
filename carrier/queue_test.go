package carrier

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

func testQueue(window int) *Queue {
	l := Limits{Window: window}.WithDefaults()
	return newQueue(l)
}

func payload(i int) []byte { return fmt.Append(nil, i) }

// drainAll takes and acknowledges everything, and returns what came: numbers of events,
// and negative counts for gaps.
func drainAll(q *Queue) (got []int) {
	for {
		q.mu.Lock()
		it, n := q.take()
		q.mu.Unlock()
		if it == nil {
			return got
		}
		if it.gap > 0 {
			got = append(got, -int(it.gap))
		} else {
			var i int
			fmt.Sscan(string(it.data), &i)
			got = append(got, i)
		}
		q.ack(n)
	}
}

func TestQueuePolicies(t *testing.T) {
	plain := NewRoute("s", "e")
	routes := [...]*Route{plain, plain.Caused(wire.Cause{Traceparent: []byte("00-ab-cd-01"), Hops: 1})} // with a cause or without: the same signal
	for _, c := range []struct {
		name   string
		policy sig.Policy
		want   []int
	}{
		{"drop oldest keeps the last, and says first what is missing", sig.DropOldest, []int{-4, 5, 6, 7}},
		{"drop newest keeps the first, and says last what is missing", sig.DropNewest, []int{1, 2, 3, -4}},
		{"latest keeps one", sig.Latest, []int{-6, 7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := testQueue(100)
			line := &Line{Policy: c.policy, Size: 3}
			to := NewTarget([]uint32{1}, line)
			for i := 1; i <= 7; i++ {
				require.NoError(t, pushOne(q, item{route: routes[i%2], to: to, data: payload(i)}, 1<<20))
			}
			require.Equal(t, c.want, drainAll(q))
			require.Equal(t, 0, q.waitBytes)
			require.Equal(t, uint64(7), q.acked+q.dropped)
			require.Equal(t, line.Dropped, q.dropped)
		})
	}
}

func TestQueueFull(t *testing.T) {
	q := testQueue(1)
	it := item{route: NewRoute("s", "e"), to: NewTarget([]uint32{1}, nil), data: make([]byte, 1000)}
	pushed := 0
	for pushOne(q, it, 10_000) == nil {
		pushed++
	}
	require.Equal(t, 10_000/it.size(), pushed)
	require.ErrorIs(t, pushOne(q, it, 10_000), sig.ErrSlow)
}

// A listener with a policy has it applied, too, when the bytes of the whole queue are too
// many: the peer is not closed for it, and what is missing is told.
func TestQueuePoliciesOfBytes(t *testing.T) {
	route := NewRoute("s", "e")
	long := func(i int) []byte { return append(fmt.Append(nil, i, " "), make([]byte, 998)...) }
	other := item{route: route, to: NewTarget([]uint32{2}, nil), data: make([]byte, 500)}
	for _, c := range []struct {
		policy  sig.Policy
		dropped uint64
		last    int
	}{
		{sig.DropOldest, 6, 10},
		{sig.DropNewest, 6, 4},
		{sig.Latest, 9, 11},
	} {
		t.Run(fmt.Sprint(c.policy), func(t *testing.T) {
			q := testQueue(100)
			q.soft = 5000
			line := &Line{Policy: c.policy, Size: 1000}
			to := NewTarget([]uint32{1}, line)
			require.NoError(t, pushOne(q, other, 10_000))
			for i := 1; i <= 10; i++ {
				require.NoError(t, pushOne(q, item{route: route, to: to, data: long(i)}, 10_000))
				require.LessOrEqual(t, q.waitBytes, 5000+3*itemOverhead)
			}
			require.Equal(t, c.dropped, line.Dropped)
			for pushOne(q, other, 10_000) == nil {
			}
			require.Greater(t, q.waitBytes, 5000, "who has no policy may fill what is left")
			require.NoError(t, pushOne(q, item{route: route, to: to, data: long(11)}, 10_000))
			require.Greater(t, line.Dropped, c.dropped)
			require.Contains(t, drainAll(q), c.last, "what waited is not dropped for one that does not fit all the same")
			require.Equal(t, 0, line.bytes)
			require.Equal(t, 0, q.waitBytes)
			require.Equal(t, 0, line.waiting)
			require.Empty(t, line.last)
		})
	}
}

func TestQueueWindow(t *testing.T) {
	q := testQueue(4)
	r := NewRoute("s", "e")
	for i := 1; i <= 10; i++ {
		require.NoError(t, pushOne(q, item{route: r, data: payload(i)}, 1<<20))
	}
	takeSome := func() (n int) {
		for it, _ := q.take(); it != nil; it, _ = q.take() {
			n++
		}
		return n
	}
	require.Equal(t, 4, takeSome(), "the window is 4")
	require.True(t, q.ack(3))
	require.Equal(t, 3, takeSome())
	require.False(t, q.ack(8), "8 was not sent yet")

	require.True(t, q.rewind(5), "the far side has had 5")
	it, n := q.take()
	require.Equal(t, uint64(6), n)
	require.Equal(t, "6", string(it.data))
	require.False(t, q.rewind(2), "2 is acknowledged already, so it is not there any more")

	q.ack(6)
	require.Equal(t, 1, q.restart(), "7 may come twice")
	it, n = q.take()
	require.Equal(t, uint64(1), n)
	require.Equal(t, "7", string(it.data))
	require.Equal(t, 4, q.Forget(sig.ErrNotConnected), "7 in flight, 8, 9 and 10 waiting")
	require.ErrorIs(t, pushOne(q, item{route: r}, 1<<20), sig.ErrNotConnected)
}

// TestQueueBooks runs random histories: for every one, what was pushed was taken in
// order, or is counted in gaps, or waits.
func TestQueueBooks(t *testing.T) {
	swept := false
	pool := new(sync.Pool)
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		q := testQueue(1 + rnd.IntN(8))
		q.copier.pool = pool
		copier := Copier{pool: pool}
		lazy := 1 + int(seed%3)*15 // how seldom anything is taken
		var routes []*Route
		for i := range 3 {
			routes = append(routes, NewRoute("s", fmt.Sprint(i)))
		}
		targets := []*Target{
			NewTarget([]uint32{1}, nil),
			NewTarget([]uint32{2}, &Line{Policy: sig.DropOldest, Size: 1 + rnd.IntN(5)}),
			NewTarget([]uint32{3}, &Line{Policy: sig.DropNewest, Size: 1 + rnd.IntN(5)}),
			NewTarget([]uint32{4}, &Line{Policy: sig.Latest, Size: 1}),
		}
		pushed, taken, gaps := map[*Target]int{}, map[*Target]int{}, map[*Target]int{}
		last := map[*Target]int{}
		next := uint64(1)
		most := uint64(0) // the last that was taken, but for cuts
		take := func() bool {
			it, n := q.take()
			if it == nil {
				return false
			}
			require.Equal(t, next, n, "numbers have no holes")
			next++
			if n <= most {
				return true
			}
			most = n
			if it.gap > 0 {
				gaps[it.to] += int(it.gap)
				return true
			}
			var i int
			fmt.Sscan(string(it.data), &i)
			require.Greater(t, i, last[it.to], "seed %d: order", seed)
			last[it.to] = i
			taken[it.to]++
			return true
		}
		for i := 1; i <= 2000; i++ {
			to := targets[rnd.IntN(len(targets))]
			if lazy > 1 && rnd.IntN(40) > 0 {
				to = targets[1+rnd.IntN(len(targets)-1)]
			}
			switch rnd.IntN(4) {
			case 0, 1:
				data, dead := copier.Copy(payload(i)), q.dead
				data.Hold(1)
				require.NoError(t, pushOne(q, item{route: routes[rnd.IntN(3)], to: to, data: data.Data, chunk: data.chunk}, 1<<30))
				swept = swept || q.dead < dead
				pushed[to]++
			case 2:
				if rnd.IntN(lazy) == 0 {
					take()
				}
			case 3:
				switch rnd.IntN(20 * lazy) {
				case 0:
					q.ack(next - 1)
				case 1: // a cut, and the far side has some of what was in flight
					had := q.done + rnd.Uint64N(most-q.done+1)
					require.True(t, q.rewind(had))
					next = had + 1
				}
			}
		}
		q.ack(next - 1)
		for take() {
			q.ack(next - 1)
		}
		for _, to := range targets {
			require.Equal(t, pushed[to], taken[to]+gaps[to], "seed %d, listener %d", seed, to.IDs[0])
		}
		require.Zero(t, q.waitBytes, "seed %d", seed)
		require.Zero(t, q.flightBytes, "seed %d", seed)
		require.Zero(t, q.dead, "seed %d", seed)
		require.Zero(t, q.pinned, "seed %d", seed)
	}
	require.True(t, swept)
}

// A peer that takes nothing while events of a dropping listener go on must not make the
// queue grow.
func TestQueueStaysSmall(t *testing.T) {
	q := testQueue(1)
	r := NewRoute("s", "e")
	require.NoError(t, pushOne(q, item{route: r, to: NewTarget([]uint32{1}, nil), data: payload(0)}, 1<<20))
	for _, p := range []sig.Policy{sig.DropOldest, sig.DropNewest, sig.Latest} {
		to := NewTarget([]uint32{2}, &Line{Policy: p, Size: 10})
		for i := range 100_000 {
			require.NoError(t, pushOne(q, item{route: r, to: to, data: payload(i)}, 1<<20))
		}
	}
	require.Less(t, q.waiting(), 500)
}

// What did not fit in a full queue is not remembered as if it waited there: the next event of
// the line must not look for it among others.
func TestQueueFullForALine(t *testing.T) {
	for _, policy := range []sig.Policy{sig.DropOldest, sig.DropNewest, sig.Latest} {
		const limit = 2000
		q := testQueue(4)
		line := &Line{Policy: policy, Size: 1000}
		to, plain := NewTarget([]uint32{1}, line), NewTarget([]uint32{2}, nil)
		routes := make([]*Route, 50)
		for i := range routes {
			routes[i] = NewRoute("s", fmt.Sprint(i))
		}
		refused, dropped := 0, 0
		for round := range 20 {
			for i, r := range routes {
				if pushOne(q, item{route: r, to: to, data: make([]byte, 50+i)}, limit) != nil {
					refused++
				}
				if pushOne(q, item{route: r, to: plain}, limit+itemOverhead) != nil {
					refused++
				}
			}
			if round%3 == 0 {
				q.take()
				q.ack(q.last)
			}
		}
		waiting := 0
		for pos := q.sent; pos < q.items.tail; pos++ {
			it := q.items.at(pos)
			if it.line() == line {
				waiting++
			}
			if !it.dead {
				dropped += int(it.gap)
			}
		}
		require.Positive(t, refused)
		require.Equal(t, waiting, line.waiting, policy)
		require.LessOrEqual(t, dropped, int(line.Dropped))
	}
}

// Where a line's notice stood is of no use when the notice has been sent: after the queue
// has made itself smaller another signal may stand there.
func TestQueueForgetsSentNotices(t *testing.T) {
	q := testQueue(100)
	r := NewRoute("s", "e")
	push := func(to *Target, i int) {
		require.NoError(t, pushOne(q, item{route: r, to: to, data: payload(i)}, 1<<20))
	}
	early := NewTarget([]uint32{1}, &Line{Policy: sig.DropOldest, Size: 1})
	push(early, 1)
	push(early, 2)
	require.Equal(t, []int{-1, 2}, drainAll(q))

	plain := NewTarget([]uint32{2}, nil)
	push(plain, 3)
	push(plain, 4)
	busy := NewTarget([]uint32{3}, &Line{Policy: sig.DropOldest, Size: 1})
	for i := range 2 * ringKeep {
		push(busy, 10+i)
	}
	push(early, 5)
	push(early, 6)
	require.Equal(t, []int{3, 4, -(2*ringKeep - 1), 10 + 2*ringKeep - 1, -1, 6}, drainAll(q))
}

// What waits for a slow peer keeps little of the memory that it shares with payloads for
// others, and is not copied where it has that memory to itself.
func TestQueuePins(t *testing.T) {
	for _, c := range []struct {
		name   string
		others int // payloads for others beside each of ours
		copies bool
	}{{"alone", 0, false}, {"one of a hundred", 99, true}} {
		t.Run(c.name, func(t *testing.T) {
			pool := new(sync.Pool)
			q := testQueue(1)
			q.copier.pool = pool
			copier := Copier{pool: pool}
			r, chunks, copied := NewRoute("s", "e"), map[*chunk]bool{}, 0
			for range 20_000 {
				data := copier.Copy(make([]byte, 100))
				data.Hold(1)
				require.NoError(t, pushOne(q, item{route: r, data: data.Data, chunk: data.chunk}, 1<<30))
				if it := q.items.at(q.items.tail - 1); it.chunk != data.chunk {
					copied++
				} else {
					chunks[it.chunk] = true
				}
				for range c.others {
					copier.Copy(make([]byte, 100))
				}
			}
			require.Equal(t, c.copies, copied > 0)
			require.LessOrEqual(t, len(chunks)*chunkSize, max(pinBytes, q.waitBytes))
			require.Equal(t, 20_000, q.Forget(sig.ErrNotConnected))
		})
	}
}

func pushOne(q *Queue, it item, limit int) error {
	_, err := q.push(it, []Payload{{Data: it.data, chunk: it.chunk, forms: it.forms}}, limit)
	return err
}
