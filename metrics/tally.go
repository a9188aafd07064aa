package metrics

import "time"

// A tally keeps counters by names, of which there are a bounded number, while those who
// count come and go under these names: peers that connect again, senders that are added
// again.
type tally[K comparable] struct {
	most  int
	rows  map[K]*row
	last  map[uint64]counts // what those counted who were there the last time, by id
	now   map[uint64]counts
	named counts // what all rows have counted, also those that were forgotten
	all   counts // and what is beyond
}

// counts are some counters of one name.
type counts [4]uint64

// A row is what was counted under one name.
type row struct {
	sum  counts
	seen time.Time
	here bool // now
}

// forgetAfter is how long a name keeps its row while nobody has it, when there is no room.
const forgetAfter = time.Hour

func newTally[K comparable](most int) tally[K] {
	return tally[K]{most: most, rows: map[K]*row{}, last: map[uint64]counts{}}
}

// begin begins to count anew who is there.
func (t *tally[K]) begin(now time.Time) {
	t.now = make(map[uint64]counts, len(t.last))
	for name, r := range t.rows {
		if r.here = false; len(t.rows) >= t.most && now.Sub(r.seen) > forgetAfter {
			delete(t.rows, name)
		}
	}
}

// add notes what somebody has counted who is there under a name. It reports whether the name
// has a row; if not it belongs to the others.
func (t *tally[K]) add(name K, id uint64, n counts, now time.Time) bool {
	r := t.rows[name]
	if r == nil && len(t.rows) < t.most {
		r = &row{}
		t.rows[name] = r
	}
	before := t.last[id]
	t.now[id] = n
	for i := range n {
		more := n[i] - min(before[i], n[i])
		t.all[i] += more
		if r != nil {
			r.sum[i] += more
			t.named[i] += more
		}
	}
	if r == nil {
		return false
	}
	r.seen, r.here = now, true
	return true
}

// end returns what the others have counted: of a total that is known elsewhere whatever
// is in no row, those included who came and went unseen.
func (t *tally[K]) end(total counts) (others counts) {
	t.last, t.now = t.now, nil
	for i := range others {
		others[i] = max(total[i], t.all[i]) - t.named[i]
	}
	return others
}
