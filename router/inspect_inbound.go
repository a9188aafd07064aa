package router

import (
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// unseen is what a session's reading goroutine has counted of one signal and has not
// handed over to its meter yet.
type unseen struct {
	n      uint64
	last   []byte // the newest value, or the beginning of it
	codec  carrier.Codec
	size   int    // of the whole, as JSON
	left   int    // values that may still be kept
	window uint32 // in which left was set
}

// seen counts a signal, in the goroutine that reads. It costs next to nothing: the meter
// is told when all that was read has been handled. Data is valid during the call.
func (x *session) seen(in *inbound, data carrier.Encoded, jsonSize int) {
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
		keep := keepBytes
		if u.codec, u.size = data.Codec, len(data.Data); u.codec != nil {
			keep, u.size = 2*keepBytes, jsonSize
		}
		u.last = append(u.last[:0], cut(data.Data, keep)...)
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
		text, size := u.last, u.size
		if u.codec != nil {
			text, size = shown(nil, carrier.Encoded{Data: u.last, Codec: u.codec}, u.size, keepBytes)
		}
		m.arrived(u.n, text, size, now, keep)
		u.n = 0
	}
	x.counted = x.counted[:0]
}

var _ carrier.Batcher = serverHandler{}

// BatchEnd is called by the engine when all that was read from a peer has been handled.
func (h serverHandler) BatchEnd(p *carrier.Peer) {
	if x := sessionOf(p); len(x.counted) > 0 {
		x.handOver()
	}
}
