package router

import (
	"sync/atomic"
	"time"
)

// A pace tells whether the users' functions that are called for one peer return so soon that
// the goroutine that reads may call them. It goes by what was measured last.
type pace struct {
	limit atomic.Int64 // time.Duration for one function; 0: that goroutine is not to be had
	score atomic.Int32
}

const (
	paceQuick = 64   // a score from which on they are taken to be quick
	paceMost  = 128  // one time that was longer does not count
	paceLate  = -256 // after one that took long enough to be noticed elsewhere
)

func (p *pace) quick() bool { return p.score.Load() >= paceQuick }

// now returns the time, if it is of interest.
func (p *pace) now() (t time.Time) {
	if p.limit.Load() > 0 {
		t = time.Now()
	}
	return t
}

// note notes that n of them were called since the time.
func (p *pace) note(n int, since time.Time) {
	if n == 0 || since.IsZero() {
		return
	}
	if int64(time.Since(since)) <= int64(n)*p.limit.Load() {
		p.score.Store(min(p.score.Load()+int32(n), paceMost))
	} else {
		p.score.Store(max(p.score.Load()-paceQuick, paceLate))
	}
}

func (p *pace) late() { p.score.Store(paceLate) }
