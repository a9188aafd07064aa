package router

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Changes is what has changed since the caller asked last. Large answers come in parts.
type Changes struct {
	// Cursor goes into the next question.
	Cursor string `json:"cursor"`
	// Reset says that everything the caller knows is to be forgotten first.
	Reset bool `json:"reset,omitempty"`
	// More says that there is more already.
	More bool `json:"more,omitempty"`

	Status  *Status  `json:"status,omitempty"`
	Samples []Sample `json:"samples,omitempty"` // the seconds that have passed

	Peers       []PeerInfo     `json:"peers,omitempty"` // that are new or have changed
	PeersGone   []uint64       `json:"peers_gone,omitempty"`
	Senders     []SenderStatus `json:"senders,omitempty"` // that are new
	SendersGone []uint64       `json:"senders_gone,omitempty"`
	Signals     []SignalStatus `json:"signals,omitempty"` // that are new, without values
	SignalsGone []uint64       `json:"signals_gone,omitempty"`
	// Counts are [id, count, rate, listeners] of signals that have changed.
	Counts [][4]float64 `json:"counts,omitempty"`
	// Values are those of the signals asked for that have another value than the caller.
	Values []SignalValue `json:"values,omitempty"`
}

// A SignalValue is the last value of a signal.
type SignalValue struct {
	ID uint64 `json:"id"`
	Value
}

// changesQuery is what the caller of changes says.
type changesQuery struct {
	// Cursor is that of the last answer; empty at first.
	Cursor string `json:"cursor"`
	// Parts are any of status, samples, peers, senders, signals.
	Parts []string `json:"parts"`
	// Values are [id, n] of signals whose values are wanted, n being that of the value the
	// caller has; 0 for none.
	Values [][2]uint64 `json:"values"`
}

const (
	changesBytes = 256 << 10 // about, of one answer
	valuesMost   = 500       // signals in one question
	valueShown   = 200       // bytes of a value in a list
)

// A cursor says what a caller knows: everything up to base, and of what has changed since
// then a part, up to at. What had gone when it began it never knew.
type cursor struct {
	epoch           string
	base, at, begun uint64 // versions
	tick            uint64 // of the last sample
}

func (c cursor) String() string {
	return fmt.Sprintf("%d-%d-%d-%d-%s", c.base, c.at, c.begun, c.tick, c.epoch)
}

func parseCursor(s string) (c cursor) {
	if _, err := fmt.Sscanf(s, "%d-%d-%d-%d-%s", &c.base, &c.at, &c.begun, &c.tick, &c.epoch); err != nil {
		return cursor{} // as if there were none
	}
	return c
}

// A change is one thing that has another version than the caller knows.
type change struct {
	version uint64
	meter   *meter
	sender  *sender
	peer    *peerMeter
	gone    *tombstone
}

// changes answers a question about what has changed.
func (in *inspector) changes(q changesQuery, who eyes) Changes {
	c := parseCursor(q.Cursor)
	out := Changes{}
	in.mu.Lock()
	if c.epoch != in.epoch || max(c.at, c.begun) < in.forgot || c.at > in.version {
		c = cursor{epoch: in.epoch, begun: in.version}
		out.Reset = true
	}
	all := in.since(c.at, q.Parts, who)
	newest := in.version
	in.mu.Unlock()
	slices.SortFunc(all, func(a, b change) int { return cmp.Compare(a.version, b.version) })

	in.mu.Lock()
	defer in.mu.Unlock()
	size := 0
	for _, ch := range all {
		if size += in.tell(&out, ch, c.base); size > changesBytes {
			c.at, out.More = ch.version, true
			break
		}
	}
	if !out.More {
		c.at, c.base = newest, newest
	}
	in.tellValues(&out, q.Values, who)
	if slices.Contains(q.Parts, "samples") {
		out.Samples, c.tick = in.samplesSince(c.tick), in.tick
	}
	if slices.Contains(q.Parts, "status") {
		st := in.status(time.Now(), in.previous)
		out.Status = &st
	}
	out.Cursor = c.String()
	return out
}

// since lists what has a later version, in no order. in.mu is held.
func (in *inspector) since(version uint64, parts []string, who eyes) (all []change) {
	senders, signals, peers := slices.Contains(parts, "senders"), slices.Contains(parts, "signals"), slices.Contains(parts, "peers")
	if signals {
		for _, m := range in.meters {
			if m.version > version && who.see(m.signal.sender.name, m.signal.name) {
				all = append(all, change{version: m.version, meter: m})
			}
		}
	}
	if senders {
		for s, sm := range in.senders {
			if sm.born > version {
				all = append(all, change{version: sm.born, sender: s})
			}
		}
	}
	if peers {
		for _, pm := range in.peers {
			if pm.version > version {
				all = append(all, change{version: pm.version, peer: pm})
			}
		}
	}
	i, _ := slices.BinarySearchFunc(in.gone, version+1, func(t tombstone, v uint64) int { return cmp.Compare(t.version, v) })
	for i := range in.gone[i:] {
		t := in.gone[len(in.gone)-1-i]
		if t.kind == goneSignal && signals || t.kind == goneSender && senders || t.kind == gonePeer && peers {
			all = append(all, change{version: t.version, gone: &t})
		}
	}
	return all
}

// tell adds a change to the answer, in full when it is newer than what the caller knows,
// and returns about how many bytes that makes. in.mu is held.
func (in *inspector) tell(out *Changes, ch change, base uint64) (size int) {
	switch {
	case ch.gone != nil:
		switch t := ch.gone; t.kind {
		case goneSignal:
			out.SignalsGone = append(out.SignalsGone, t.id)
		case goneSender:
			out.SendersGone = append(out.SendersGone, t.id)
		case gonePeer:
			out.PeersGone = append(out.PeersGone, t.id)
		}
		return 8
	case ch.peer != nil:
		info := ch.peer.shown
		if info.ID == 0 { // it came a moment ago
			info = in.srv.peerInfo(ch.peer.peer)
		}
		out.Peers = append(out.Peers, info)
		return 700 + len(info.Name) + len(info.Address) + len(info.Identity)
	case ch.sender != nil:
		if sm := in.senders[ch.sender]; sm != nil {
			st := ch.sender.status(sm)
			out.Senders = append(out.Senders, st)
			size = 200 + len(st.Name)
			for _, m := range st.Methods {
				size += len(m) + 3
			}
		}
		return size
	}
	m := ch.meter
	st := m.status()
	if m.born > base {
		out.Signals = append(out.Signals, st)
		return 140 + len(st.Sender) + len(st.Event)
	}
	out.Counts = append(out.Counts, [4]float64{float64(m.id), float64(st.Count), st.Rate, float64(st.Listeners)})
	return 40
}

// tellValues adds the values asked for that the caller has not got. in.mu is held.
func (in *inspector) tellValues(out *Changes, wanted [][2]uint64, who eyes) {
	for _, w := range wanted[:min(len(wanted), valuesMost)] {
		m := in.meters[w[0]]
		if m == nil || !who.see(m.signal.sender.name, m.signal.name) {
			continue
		}
		v, ok := m.shown()
		if !ok || v.N == w[1] && v.N > 0 {
			continue
		}
		v.Data = string(cut([]byte(v.Data), valueShown))
		out.Values = append(out.Values, SignalValue{m.id, v})
	}
}

// samplesSince returns the samples of later ticks. in.mu is held.
func (in *inspector) samplesSince(tick uint64) []Sample {
	all := slices.Concat(in.samples[in.oldest:], in.samples[:in.oldest])
	if tick > in.tick {
		return all
	}
	return all[len(all)-min(len(all), int(in.tick-tick)):]
}
