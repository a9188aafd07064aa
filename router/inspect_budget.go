package router

import "time"

// A budget bounds how much is counted one by one. What is triggered a hundred million
// times a second cannot be counted without being slowed down: when a window's budget is
// spent the counting stops, and how many more there were is estimated from how long that
// took. A window is a second, or where its budget was spent a tenth of one.
type budget struct {
	window  uint32 // in which left was set
	left    int
	most    int
	since   time.Time // the first of the window was counted
	spentAt time.Time // zero: not spent
}

// How many are counted in one window. Requests are timed, which takes longer.
const (
	countEvents   = 20_000 // of one signal
	countRequests = 2_000  // of one method
)

// spend takes one from the budget of a window and reports whether it was the last.
func (b *budget) spend(window uint32, most int) bool {
	if b.window != window || b.since.IsZero() {
		b.window, b.left, b.most, b.since = window, most, most, time.Now()
	}
	b.left--
	if b.left != 0 {
		return false
	}
	b.spentAt = time.Now()
	return true
}

// renew makes a spent budget whole, and returns how many were not counted, as reckoned.
func (b *budget) renew(now time.Time) (missed uint64) {
	took, gap := b.spentAt.Sub(b.since), now.Sub(b.spentAt)
	if took > 0 && gap > 0 {
		missed = uint64(float64(b.most) * float64(gap) / float64(took))
	}
	b.since, b.spentAt = time.Time{}, time.Time{}
	return missed
}

// rateSeconds is over how many seconds rates are taken.
const rateSeconds = 5

// A rater turns a count that is read once a second into a rate.
type rater struct {
	counts [rateSeconds + 1]uint64 // of the last ticks, by their number
	first  uint64                  // number of the first tick; 0: none yet
}

// begin says that the count was n before the first tick.
func (r *rater) begin(tick, n uint64) {
	r.counts[tick%uint64(len(r.counts))], r.first = n, tick
}

// next notes the count at a tick and returns the rate since the oldest tick known, at
// most rateSeconds ago. Times are those of the ticks, by their number.
func (r *rater) next(tick, n uint64, times *[rateSeconds + 1]time.Time) float64 {
	size := uint64(len(r.counts))
	if r.first == 0 {
		r.begin(tick, n)
		return 0
	}
	r.counts[tick%size] = n
	from := r.first
	if tick >= rateSeconds {
		from = max(from, tick-rateSeconds)
	}
	before := r.counts[from%size]
	took := times[tick%size].Sub(times[from%size]).Seconds()
	if took <= 0 || n < before { // below: what is counted began anew
		return 0
	}
	return float64(n-before) / took
}

// tapped returns a list with the same calls whose triggers are counted, if that is not so
// already.
func (l *list) tapped() *list {
	switch {
	case l.extra == nil:
		return &list{l.entries, &extra{tap: true}}
	case l.extra.gateOnly:
		x := *l.extra
		x.tap, x.gateOnly = true, false
		return &list{l.entries, &x}
	}
	return l
}

// untapped returns the list that tapped was given, or one like it.
func (l *list) untapped() *list {
	if l.extra.gate == nil {
		return &list{l.entries, nil}
	}
	x := *l.extra
	x.tap, x.gateOnly = false, true
	return &list{l.entries, &x}
}
