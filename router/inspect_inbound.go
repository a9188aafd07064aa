package router

import (
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// unseen is what a session's reading goroutine has counted of one signal and has not
// handed over to its meter yet.
type unseen struct {
	n      uint64
	last   carrier.Encoded // the newest value, or the beginning of it
	own    []byte          // memory for last, where it has to be copied
	size   int             // of the whole, as JSON
	left   int             // values that may still be kept
	window uint32          // in which left was set
}

// seen counts a signal, in the goroutine that reads. It costs next to nothing: the meter
// is told when all that was read has been handled. Data is valid during the call, and if
// stays is set until that moment.
func (x *session) seen(in *inbound, data carrier.Encoded, jsonSize int, stays bool) {
	m := in.signal.meter.Load()
	if m == nil {
		return
	}
	u := &in.unseen
	if u.n++; u.left > 0 {
		x.keepSeen(m, u, data, jsonSize)
	} else {
		if u.n == 1 {
			x.counted = append(x.counted, in)
		}
		if u.last, u.size = data, jsonSize; data.Codec == nil {
			u.size = len(data.Data)
		}
		if !stays {
			u.own = append(u.own[:0], cut(data.Data, 2*keepBytes)...)
			u.last.Data = u.own
		}
	}
	if m.tails.Load() != nil {
		text, size := shown(nil, data, jsonSize, tailValues)
		m.tell(text, size, time.Now().UnixNano())
	}
}

// keepSeen hands over at once, with a value that is kept.
func (x *session) keepSeen(m *meter, u *unseen, data carrier.Encoded, jsonSize int) {
	u.left--
	text, size := shown(nil, data, jsonSize, keepBytes)
	m.arrived(u.n, text, size, time.Now().UnixNano(), m.insp.keeps.Add(-1) >= 0)
	u.n = 0
}

// handOver tells the meters what was counted in a batch.
func (x *session) handOver() {
	now := time.Now().UnixNano()
	for i, in := range x.counted {
		x.counted[i] = nil
		m, u := in.signal.meter.Load(), &in.unseen
		if m == nil || u.n == 0 { // or it was handed over since
			continue
		}
		keep := false
		if w := m.insp.window.Load(); u.window != w {
			u.window, u.left = w, keepSecond-1
			keep = m.insp.keeps.Add(-1) >= 0
		}
		text, size := shown(nil, u.last, u.size, keepBytes)
		if u.last.Codec == nil {
			size = u.size // text may be the beginning of it
		}
		m.arrived(u.n, text, size, now, keep)
		u.n, u.last = 0, carrier.Encoded{}
	}
	x.counted = x.counted[:0]
}
