package carriertest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"time"
)

// laneSize is how many bytes may be on their way in one direction.
const laneSize = 64 << 10

// errReset is what both ends get after Reset.
var errReset = fmt.Errorf("carriertest: %w", syscall.ECONNRESET)

// A lane is one direction of a connection. One goroutine puts, another takes.
type lane struct {
	faults Faults
	frames bool
	link   *link
	wake   chan struct{} // for who takes; capacity 1
	room   chan struct{} // for who puts; capacity 1

	mu         sync.Mutex
	rng        *rand.Rand // for what is put
	slices     *rand.Rand // for what is taken
	units      []unit
	bytes      int
	last       time.Time // when the newest unit is due
	lineFree   time.Time // when a line of the Rate has sent what it was given
	stalled    bool
	gone       bool  // cut: nothing passes any more
	discarding bool  // nobody takes: what is put vanishes
	killed     error // ends both sides at once
	finished   bool  // nothing more will be put

	// Bytes until the next of its kind.
	toStall, toReset, toCut int
	toLoss, toFlip          int
}

// A unit is a frame, or some bytes, or the end.
type unit struct {
	due  time.Time
	data []byte
	err  error
}

func newLane(f Faults, frames bool, n uint64, l *link) *lane {
	rng, slices := rand.New(rand.NewPCG(f.Seed, 2*n)), rand.New(rand.NewPCG(f.Seed, 2*n+1))
	ln := &lane{faults: f, frames: frames, link: l, rng: rng, slices: slices, wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	ln.toStall = f.StallAfter
	ln.toReset = spread(rng, f.ResetAfter)
	ln.toCut = spread(rng, f.CutAfter)
	ln.toLoss = gap(rng, f.Loss)
	ln.toFlip = gap(rng, f.Corrupt)
	return ln
}

// spread draws from n to twice n.
func spread(rng *rand.Rand, n int) int {
	if n <= 0 {
		return math.MaxInt
	}
	return n + rng.IntN(n)
}

// gap draws how many pass before the next that does not, each having the chance p.
func gap(rng *rand.Rand, p float64) int {
	switch {
	case p <= 0:
		return math.MaxInt
	case p >= 1:
		return 0
	}
	return int(math.Log(1-rng.Float64()) / math.Log(1-p))
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// put sends b on its way. It waits while the lane is full; when deadline is closed it
// gives up with an error that matches os.ErrDeadlineExceeded.
func (ln *lane) put(b []byte, deadline <-chan struct{}) error {
	for {
		ln.mu.Lock()
		switch {
		case ln.killed != nil:
			defer ln.mu.Unlock()
			return ln.killed
		case ln.finished:
			defer ln.mu.Unlock()
			return errReset
		case ln.discarding:
			ln.mu.Unlock()
			return nil
		case ln.bytes < laneSize:
			ends := ln.add(b)
			ln.mu.Unlock()
			poke(ln.wake)
			if ends != nil {
				ends()
			}
			return nil
		}
		ln.mu.Unlock()
		select {
		case <-ln.room:
		case <-deadline:
			return fmt.Errorf("carriertest: %w", os.ErrDeadlineExceeded)
		}
	}
}

// add puts b behind what is on its way, with its faults. It returns what ends the
// connection, if something does. Called with mu held.
func (ln *lane) add(b []byte) (ends func()) {
	n := len(b)
	b = ln.lose(append([]byte(nil), b...))
	ln.flip(b)
	due := ln.dueAfter(n)
	if len(b) > 0 {
		ln.units = append(ln.units, unit{due: due, data: b})
		ln.bytes += len(b)
	}
	if ln.toStall != 0 {
		if ln.toStall -= n; ln.toStall <= 0 {
			ln.last = ln.last.Add(ln.faults.StallFor)
			ln.toStall = ln.faults.StallAfter
		}
	}
	ln.toReset -= n
	ln.toCut -= n
	switch {
	case ln.toReset <= 0:
		return ln.link.reset
	case ln.toCut <= 0:
		return ln.link.cut
	}
	return nil
}

// dueAfter returns when n more bytes arrive.
func (ln *lane) dueAfter(n int) time.Time {
	now := time.Now()
	due := now
	if ln.faults.Rate > 0 {
		if ln.lineFree.Before(now) {
			ln.lineFree = now
		}
		ln.lineFree = ln.lineFree.Add(time.Duration(float64(n) / float64(ln.faults.Rate) * float64(time.Second)))
		due = ln.lineFree
	}
	due = due.Add(ln.faults.Latency)
	if ln.faults.Jitter > 0 {
		due = due.Add(time.Duration(ln.rng.Int64N(int64(ln.faults.Jitter))))
	}
	if due.Before(ln.last) {
		due = ln.last
	}
	ln.last = due
	return due
}

// lose takes out what is lost.
func (ln *lane) lose(b []byte) []byte {
	if ln.faults.Loss <= 0 {
		return b
	}
	if ln.frames {
		if ln.toLoss--; ln.toLoss >= 0 {
			return b
		}
		ln.toLoss = gap(ln.rng, ln.faults.Loss)
		return nil
	}
	for at := ln.toLoss; ; at += gap(ln.rng, ln.faults.Loss) {
		if at >= len(b) {
			ln.toLoss = at - len(b)
			return b
		}
		b = append(b[:at], b[at+1:]...)
	}
}

// flip changes a bit of the bytes that are hit.
func (ln *lane) flip(b []byte) {
	if ln.faults.Corrupt <= 0 {
		return
	}
	at := ln.toFlip
	for ; at < len(b); at += 1 + gap(ln.rng, ln.faults.Corrupt) {
		b[at] ^= 1 << ln.rng.IntN(8)
	}
	ln.toFlip = at - len(b)
}

// take returns what arrives next. It waits for it.
func (ln *lane) take() ([]byte, error) { return ln.takeUntil(nil, math.MaxInt) }

// takeUntil is take of most bytes of a byte stream, until the deadline is closed.
func (ln *lane) takeUntil(deadline <-chan struct{}, most int) ([]byte, error) {
	for {
		b, wait, err := ln.next(most)
		if err != nil || b != nil {
			return b, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ln.wake:
		case <-timer.C:
		case <-deadline:
			timer.Stop()
			return nil, fmt.Errorf("carriertest: %w", os.ErrDeadlineExceeded)
		}
		timer.Stop()
	}
}

const forEver = 1000 * time.Hour

// next returns what has arrived, or how long that may take.
func (ln *lane) next(most int) (b []byte, wait time.Duration, err error) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	switch {
	case ln.killed != nil:
		return nil, 0, ln.killed
	case len(ln.units) == 0 || ln.stalled || ln.gone:
		return nil, forEver, nil
	}
	u := &ln.units[0]
	if wait := time.Until(u.due); wait > 0 {
		return nil, wait, nil
	}
	if u.err != nil {
		return nil, 0, u.err // and again, for who asks again
	}
	n := len(u.data)
	if !ln.frames {
		n = min(n, most)
		if s := ln.faults.Slice; s > 0 {
			n = min(n, 1+ln.slices.IntN(s))
		}
	}
	b = u.data[:n:n]
	if u.data = u.data[n:]; len(u.data) == 0 {
		ln.units = ln.units[1:]
	}
	ln.bytes -= n
	poke(ln.room)
	return b, 0, nil
}

// finish lets what is on its way arrive, and err after it.
func (ln *lane) finish(err error) {
	ln.mu.Lock()
	if !ln.finished && ln.killed == nil {
		ln.finished = true
		ln.units = append(ln.units, unit{due: ln.dueAfter(0), err: err})
	}
	ln.mu.Unlock()
	poke(ln.wake)
	poke(ln.room)
}

// kill ends the lane at once.
func (ln *lane) kill(err error) {
	ln.mu.Lock()
	if ln.killed == nil {
		ln.killed = err
		ln.units, ln.bytes = nil, 0
	}
	ln.mu.Unlock()
	poke(ln.wake)
	poke(ln.room)
}

// discard ends the side that takes, with err. What is put vanishes.
func (ln *lane) discard(err error) {
	ln.mu.Lock()
	ln.discarding = true
	ln.finished = false
	ln.gone, ln.stalled = false, false
	ln.units, ln.bytes = []unit{{err: err}}, 0
	ln.mu.Unlock()
	poke(ln.wake)
	poke(ln.room)
}

func (ln *lane) isDiscarding() bool {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	return ln.discarding
}

func (ln *lane) stall(yes bool) {
	ln.mu.Lock()
	ln.stalled = yes && !ln.discarding
	ln.mu.Unlock()
	poke(ln.wake)
}

func (ln *lane) cut() {
	ln.mu.Lock()
	if !ln.discarding {
		ln.gone = true
	}
	ln.mu.Unlock()
}
