package router

import (
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

const (
	tailMost   = 500              // events that wait for who reads a tail
	tailIdle   = 15 * time.Second // a tail that nobody reads for this long ends
	tailsMost  = 64               // tails at once
	tailValues = 1 << 10          // bytes of one event's data
)

// A tail collects events as they pass, for somebody who looks at them every now and then.
// It is no listener: nothing waits for it and nobody counts it. What comes while it is
// full is counted and passed over.
type tail struct {
	sender, event string // patterns
	most          int

	mu      sync.Mutex
	events  []TailEvent
	skipped uint64
	seen    uint64
	read    time.Time // when somebody read it last
}

// A TailEvent is one event that a tail has collected.
type TailEvent struct {
	Time   time.Time `json:"time"`
	Sender string    `json:"sender"`
	Event  string    `json:"event"`
	// Data is the event's data as JSON. It ends after 1 KiB; Size is how many bytes there
	// are of it.
	Data string `json:"data"`
	Size int    `json:"size"`
}

func (t *tail) matches(sender, event string) bool {
	if event == sig.Subscribe || event == sig.Unsubscribe {
		return t.event == event && sig.Match(t.sender, sender)
	}
	return sig.Match(t.sender, sender) && sig.Match(t.event, event)
}

// put adds an event. Data, which may run the program's code, is called only when there is
// room, and with no lock held.
func (t *tail) put(o *sig.Origin, now int64, data func() (text []byte, size int, ok bool)) {
	if !t.room() {
		return
	}
	text, size, ok := data()
	if !ok {
		text, size = []byte("null"), len("null")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, TailEvent{
		Time: time.Unix(0, now), Sender: o.Sender, Event: o.Name, Data: jsonText(cut(text, tailValues)), Size: size,
	})
}

// room counts an event and reports whether there is room for it.
func (t *tail) room() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen++
	if len(t.events) < t.most {
		return true
	}
	t.skipped++
	return false
}

// take empties the tail.
func (t *tail) take(now time.Time) (events []TailEvent, skipped, seen uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	events, skipped, seen = t.events, t.skipped, t.seen
	t.events, t.skipped, t.read = nil, 0, now
	return events, skipped, seen
}

// jsonText is the text of a payload, in which nothing at all stands for null.
func jsonText(data []byte) string {
	if len(data) == 0 {
		return "null"
	}
	return string(data)
}

// tell gives an event to the tails of its signal: its data as JSON, or the beginning, and
// how long it is in all.
func (m *meter) tell(data []byte, size int, now int64) {
	tails := m.tails.Load()
	if tails == nil {
		return
	}
	for _, t := range *tails {
		t.put(&m.signal.origin, now, func() ([]byte, int, bool) { return data, size, true })
	}
}

// encodeWhole is encodeSafely for a tail.
func encodeWhole(data any) (text []byte, size int, ok bool) {
	text, ok = encodeSafely(data)
	return text, len(text), ok
}

// tellAny is tell for a value of this process, which is encoded when a tail has room.
func (m *meter) tellAny(data any) {
	tails := m.tails.Load()
	if tails == nil {
		return
	}
	now := time.Now().UnixNano()
	for _, t := range *tails {
		t.put(&m.signal.origin, now, func() ([]byte, int, bool) { return encodeWhole(data) })
	}
}

// setTails finds the tails that a meter's events go to. in.mu is held.
func (in *inspector) setTails(m *meter) {
	var found []*tail
	for _, t := range in.tails {
		if t.matches(m.signal.sender.name, m.signal.name) {
			found = append(found, t)
		}
	}
	if found == nil {
		m.tails.Store(nil)
		return
	}
	m.tails.Store(&found)
}

// tail returns the tail that somebody reads under a key, with these patterns; a new one
// when there is none or the patterns have changed.
func (in *inspector) tail(key, sender, event string, most int, now time.Time) (*tail, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	t := in.tails[key]
	if t != nil && t.sender == sender && t.event == event {
		return t, nil
	}
	if t == nil && len(in.tails) >= tailsMost {
		return nil, sig.Errorf(sig.ErrLimit, "%d tails are open already, which is the most; one that is not read for %v ends", tailsMost, tailIdle)
	}
	t = &tail{sender: sender, event: event, most: min(max(most, 1), tailMost), read: now}
	in.tails[key] = t
	in.retail()
	return t, nil
}

// endTails ends the tails that nobody reads any more. in.mu is held.
func (in *inspector) endTails(now time.Time) {
	ended := false
	for key, t := range in.tails {
		t.mu.Lock()
		idle := now.Sub(t.read) > tailIdle
		t.mu.Unlock()
		if idle {
			delete(in.tails, key)
			ended = true
		}
	}
	if ended {
		in.retail()
	}
}

// retail gives every meter the tails that are open now. in.mu is held.
func (in *inspector) retail() {
	for _, m := range in.meters {
		in.setTails(m)
	}
	all := make([]*tail, 0, len(in.tails))
	for _, t := range in.tails {
		all = append(all, t)
	}
	in.notices.Store(&all)
}

// notice gives a built-in event to the tails that match it. r.mu is held.
func (in *inspector) notice(sender, event string, data any) {
	if in == nil {
		return
	}
	tails := in.notices.Load()
	if tails == nil {
		return
	}
	for _, t := range *tails {
		if t.matches(sender, event) {
			t.put(&sig.Origin{Sender: sender, Name: event}, time.Now().UnixNano(), func() ([]byte, int, bool) { return encodeWhole(data) })
		}
	}
}
