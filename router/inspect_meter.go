package router

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// Bounds of what an inspector keeps of events.
const (
	keepValues = 100      // values of one signal
	keepBytes  = 2 << 10  // bytes of one value
	keepSecond = 16       // values of one signal a second, beside the last
	keepAll    = 20_000   // values of all signals a second
	keepTotal  = 32 << 20 // bytes of all signals together
	keepLeast  = 64       // bytes of one value when keepTotal is reached
)

// A meter counts the events of one signal and keeps its last values. Signals have one
// while the router is inspected.
//
// It never slows what it measures by much: what comes from a client is collected by the
// goroutine that reads and handed over with each batch; of what is triggered in this
// process a bounded number a second is counted one by one, see budget.
type meter struct {
	insp   *inspector
	signal *signal
	id     uint64
	born   uint64 // version of the inspector when the signal was added

	tails atomic.Pointer[[]*tail] // those whose filter matches the signal; nil for none

	mu      sync.Mutex
	n       uint64 // events
	guessed uint64 // of these, how many were estimated
	budget  budget // for counting one by one what is triggered in this process
	window  uint32 // in which left was set
	left    int    // values that may still be kept in this window
	wait    int64  // no value is encoded before this, in nanoseconds since 1970
	last    value
	lastAny any     // instead of last.data: a value that cannot change
	own     []byte  // what last.data is part of
	past    []value // a ring of the values kept
	oldest  int     // of these

	// Used by the inspector, with its lock held.
	version   uint64 // of the last change
	rate      rater
	perSecond float64
	seen      uint64 // n as of the last change
	listeners atomic.Int64
	shownAs   int64 // listeners as of the last change
}

// A value is one event that was kept.
type value struct {
	n    uint64 // which event of the signal; counted from 1
	at   int64  // nanoseconds since 1970
	data []byte // JSON, or the first keepBytes of it; nil is null
	size int    // of the whole
}

// cut returns no more of data than is kept.
func cut(data []byte, most int) []byte { return data[:min(len(data), most)] }

// arrived adds n events of which this is the last: bytes that are valid during the call,
// of size in all. Now is the time in nanoseconds since 1970. If keep is set the value is
// one of those that the signal's page shows.
func (m *meter) arrived(n uint64, data []byte, size int, now int64, keep bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n += n
	m.setLast(data, size, now)
	if keep {
		m.push(value{n: m.n, at: now, data: append([]byte(nil), cut(data, keepBytes)...), size: size})
	}
}

// remote is arrived for one event outside of the goroutine that reads. JsonSize is how long
// data are as JSON at most.
func (m *meter) remote(data carrier.Encoded, jsonSize int) {
	now := time.Now().UnixNano()
	m.mu.Lock()
	keep := m.mayKeep()
	m.mu.Unlock()
	text, size := shown(nil, data, jsonSize, keepBytes)
	m.arrived(1, text, size, now, keep)
	m.tell(text, size, now)
}

// shown returns data as JSON, or the first most bytes of it, and how long it is in all, or
// about. Data of another codec are appended to buf.
func shown(buf []byte, data carrier.Encoded, jsonSize, most int) (text []byte, size int) {
	if data.Codec == nil {
		return data.Data, len(data.Data)
	}
	// Twice as many bytes give what is shown, but for the strangest data.
	whole := len(data.Data) <= 2*most
	if !whole {
		data.Data = data.Data[:2*most]
	}
	text, err := data.AppendJSON(buf) // of half a value it is what there is
	if size = len(text); !whole || err != nil {
		size = max(jsonSize, size)
	}
	return text, size
}

// setLast makes data the last value. m.mu is held.
func (m *meter) setLast(data []byte, size int, now int64) {
	most := keepBytes
	if m.insp.kept.Load() > keepTotal {
		most = keepLeast
	}
	before := cap(m.own)
	if m.own = append(m.own[:0], cut(data, most)...); cap(m.own) != before {
		m.insp.kept.Add(int64(cap(m.own) - before))
	}
	m.last = value{n: m.n, at: now, data: m.own, size: size}
	m.lastAny = nil
}

// push adds a value to those that are kept. Its data are the meter's from then on. m.mu
// is held.
func (m *meter) push(v value) {
	const overhead = 64
	full := len(m.past) == keepValues || len(m.past) > 0 && m.insp.kept.Load() > keepTotal
	if !full {
		m.past = append(m.past, v)
		m.insp.kept.Add(int64(cap(v.data) + overhead))
		return
	}
	m.insp.kept.Add(int64(cap(v.data) - cap(m.past[m.oldest].data)))
	m.past[m.oldest] = v
	m.oldest = (m.oldest + 1) % len(m.past)
}

// forget gives back what the meter counts as kept. m.mu is held.
func (m *meter) forget() {
	n := int64(cap(m.own))
	for _, v := range m.past {
		n += int64(cap(v.data) + 64)
	}
	m.insp.kept.Add(-n)
	m.past, m.own, m.last.data, m.oldest = nil, nil, nil, 0
}

// mayKeep reports whether one more value of this second is to be kept. m.mu is held.
func (m *meter) mayKeep() bool {
	if w := m.insp.window.Load(); m.window != w {
		m.window, m.left = w, keepSecond
	}
	if m.left == 0 || m.insp.keeps.Add(-1) < 0 {
		return false
	}
	m.left--
	return true
}

// triggered counts an event of this process that is about to be delivered to a list,
// which is nil when it has yet to be built.
func (m *meter) triggered(l *list, data any) {
	same := unchanging(data)
	m.mu.Lock()
	m.n++
	n, keep := m.n, m.mayKeep()
	switch {
	case keep:
		now := time.Now().UnixNano()
		worth := same || now >= m.wait
		m.mu.Unlock()
		if worth {
			m.encode(n, data, now)
		}
		m.mu.Lock()
	case same:
		m.last, m.lastAny = value{n: n, at: m.insp.clock.Load(), data: m.own[:0]}, data
	}
	spent := l != nil && l.extra.tap && m.budget.spend(m.insp.window.Load(), countEvents)
	m.mu.Unlock()
	if m.tails.Load() != nil && !keep {
		m.tellAny(data)
	}
	if spent && m.signal.list.CompareAndSwap(l, l.untapped()) {
		m.insp.spent(m)
	}
}

// encode keeps a value of this process. What took long to encode is not encoded again
// for a thousand times as long.
func (m *meter) encode(n uint64, data any, now int64) {
	text, ok := encodeSafely(data)
	if took := time.Now().UnixNano() - now; took > int64(20*time.Microsecond) {
		m.mu.Lock()
		m.wait = now + 1000*took
		m.mu.Unlock()
	}
	if !ok {
		return
	}
	m.mu.Lock()
	if n >= m.last.n {
		m.setLast(text, len(text), now)
		m.last.n = n
		m.push(value{n: n, at: now, data: append([]byte(nil), cut(text, keepBytes)...), size: len(text)})
	}
	m.mu.Unlock()
	m.tell(text, len(text), now)
}

// encodeSafely returns a value as JSON. It reports false for one that is none, or whose
// methods panic.
func encodeSafely(data any) (text []byte, ok bool) {
	defer func() {
		if recover() != nil {
			text, ok = nil, false
		}
	}()
	text, err := encode(data)
	return text, err == nil
}

// unchanging reports whether nobody can change the value, so that it may be read at any
// later time.
func unchanging(data any) bool {
	switch data.(type) {
	case nil, bool, string, *sig.Raw, time.Duration, time.Time,
		int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		return true
	}
	return false
}

// total returns how many events there were, and how many of these were estimated.
func (m *meter) total() (n, guessed uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n + m.guessed, m.guessed
}

// newest returns the last value.
func (m *meter) newest() (v value, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v = m.last
	if v.n == 0 {
		return v, false
	}
	if m.lastAny != nil {
		text, ok := encodeSafely(m.lastAny)
		return value{n: v.n, at: v.at, data: cut(text, keepBytes), size: len(text)}, ok
	}
	v.data = append([]byte(nil), v.data...)
	return v, true
}

// values returns the values kept, oldest first, and the last.
func (m *meter) values() []value {
	last, ok := m.newest()
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]value, 0, len(m.past)+1)
	for i := range m.past {
		all = append(all, m.past[(m.oldest+i)%len(m.past)])
	}
	if ok && (len(all) == 0 || all[len(all)-1].n < last.n) {
		all = append(all, last)
	}
	return all
}
