package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A topModel is what is known of a router: what it has told of itself, added up.
type topModel struct {
	cursor   string
	status   router.Status
	samples  []router.Sample // of the last two minutes
	peers    map[uint64]*router.PeerInfo
	signals  map[uint64]*router.SignalStatus
	requests router.Requests
	at       time.Time // when the router answered last; zero: never
}

// topSamples is how many seconds of history are kept.
const topSamples = 120

// A topAnswer is what the router said when it was asked once.
type topAnswer struct {
	changes  []router.Changes
	requests router.Requests
	at       time.Time
	err      error
}

// topParts are the changes that sig top asks for.
var topParts = []string{"status", "samples", "peers", "signals"}

// askTop asks the router what has changed since the cursor, and for the values named, each
// by the id of its signal and the number of the value that is known.
func askTop(ctx context.Context, bus sig.Bus, cursor string, values [][2]uint64) (a topAnswer) {
	for more := true; more; {
		var part router.Changes
		part, a.err = askRouter[router.Changes](ctx, bus, "changes", map[string]any{"cursor": cursor, "parts": topParts, "values": values})
		if a.err != nil {
			return a
		}
		a.changes = append(a.changes, part)
		cursor, more = part.Cursor, part.More
	}
	a.requests, a.err = askRouter[router.Requests](ctx, bus, "requests", nil)
	a.at = time.Now()
	return a
}

// askRouter asks the sender that tells of the router itself.
func askRouter[T any](ctx context.Context, bus sig.Bus, method string, params any) (T, error) {
	return sig.Ask[T](ctx, bus, router.Inspector, method, params)
}

// take adds what the router said.
func (m *topModel) take(a topAnswer) {
	for i := range a.changes {
		m.change(&a.changes[i])
	}
	m.requests, m.at = a.requests, a.at
}

func (m *topModel) change(c *router.Changes) {
	if c.Reset || m.signals == nil {
		*m = topModel{peers: map[uint64]*router.PeerInfo{}, signals: map[uint64]*router.SignalStatus{}}
	}
	m.cursor = c.Cursor
	if c.Status != nil {
		m.status = *c.Status
	}
	m.samples = append(m.samples, c.Samples...)
	m.samples = m.samples[max(0, len(m.samples)-topSamples):]
	for i := range c.Peers {
		m.peers[c.Peers[i].ID] = &c.Peers[i]
	}
	for _, id := range c.PeersGone {
		delete(m.peers, id)
	}
	for i := range c.Signals {
		s := &c.Signals[i]
		if old := m.signals[s.ID]; old != nil {
			s.Last = cmp.Or(s.Last, old.Last)
		}
		m.signals[s.ID] = s
	}
	for _, id := range c.SignalsGone {
		delete(m.signals, id)
	}
	m.counts(c)
}

func (m *topModel) counts(c *router.Changes) {
	for _, n := range c.Counts {
		if s := m.signals[uint64(n[0])]; s != nil {
			s.Count, s.Rate, s.Listeners = uint64(n[1]), n[2], int(n[3])
		}
	}
	for i := range c.Values {
		if s := m.signals[c.Values[i].ID]; s != nil {
			s.Last = &c.Values[i].Value
		}
	}
}

// rates are what happens in a second, as of the last one.
func (m *topModel) rates() router.Sample {
	if len(m.samples) == 0 {
		return router.Sample{}
	}
	return m.samples[len(m.samples)-1]
}

func (m *topModel) peerRows() []*router.PeerInfo { return slices.Collect(maps.Values(m.peers)) }

func (m *topModel) signalRows() []*router.SignalStatus { return slices.Collect(maps.Values(m.signals)) }

func (m *topModel) methodRows() []*router.MethodStatus {
	rows := make([]*router.MethodStatus, len(m.requests.Methods))
	for i := range rows {
		rows[i] = &m.requests.Methods[i]
	}
	return rows
}
