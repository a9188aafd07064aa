package router

import (
	"slices"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// CarrierStatus is what has passed the connections of one kind of carrier since the
// inspection began.
type CarrierStatus struct {
	Carrier     string `json:"carrier"`
	Peers       int    `json:"peers"`       // now, also those that are not logged in
	Connections uint64 `json:"connections"` // there have been
	MessagesIn  uint64 `json:"messages_in"`
	MessagesOut uint64 `json:"messages_out"`
	BytesIn     uint64 `json:"bytes_in"`
	BytesOut    uint64 `json:"bytes_out"`
	Strays      uint64 `json:"strays"`     // replies that nobody waited for
	Duplicates  uint64 `json:"duplicates"` // signals that came twice
	Refused     uint64 `json:"refused"`    // messages that were answered with an error
	Lost        uint64 `json:"lost"`       // signals that did not arrive whole, on a serial line
	Resent      uint64 `json:"resent"`     // times that signals were sent again for that
	// Counters are what connections themselves count, damaged frames for instance.
	Counters map[string]uint64 `json:"counters,omitempty"`
}

// carriersMost bounds the carriers, and the counters of each, that are told apart; the
// names are those that programs gave them.
const carriersMost = 32

// carrierOf returns what is known of a peer's carrier. in.mu is held.
func (in *inspector) carrierOf(p *carrier.Peer) *CarrierStatus {
	name := p.Info().Carrier
	if in.carriers[name] == nil && len(in.carriers) >= carriersMost {
		name = otherCalls
	}
	st := in.carriers[name]
	if st == nil {
		st = &CarrierStatus{Carrier: name}
		in.carriers[name] = st
	}
	return st
}

// add adds what a peer has done.
func (c *CarrierStatus) add(p *carrier.Peer) {
	s := &p.Stats
	c.MessagesIn += s.MessagesIn.Load()
	c.MessagesOut += s.MessagesOut.Load()
	c.BytesIn += s.BytesIn.Load()
	c.BytesOut += s.BytesOut.Load()
	c.Strays += s.Strays.Load()
	c.Duplicates += s.Duplicates.Load()
	c.Refused += s.Refused.Load()
	c.Lost += s.Lost.Load()
	c.Resent += s.Resent.Load()
	for name, n := range p.Counters() {
		if c.Counters == nil {
			c.Counters = map[string]uint64{}
		}
		if _, known := c.Counters[name]; known || len(c.Counters) < carriersMost {
			c.Counters[name] += n
		}
	}
}

// carrierList lists the carriers, by name. in.mu is held.
func (in *inspector) carrierList() []CarrierStatus {
	now := make(map[string]*CarrierStatus, len(in.carriers))
	for name, st := range in.carriers {
		c := *st
		c.Counters = nil
		for counter, n := range st.Counters {
			if c.Counters == nil {
				c.Counters = map[string]uint64{}
			}
			c.Counters[counter] = n
		}
		now[name] = &c
	}
	for _, pm := range in.peers {
		c := now[in.carrierOf(pm.peer).Carrier]
		c.Peers++
		c.add(pm.peer)
	}
	all := make([]CarrierStatus, 0, len(now))
	for _, c := range now {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b CarrierStatus) int { return strings.Compare(a.Carrier, b.Carrier) })
	return all
}

// droppedBy divides the events that listeners did not get by reason. peers is how many were
// dropped from queues of peers. in.mu is held.
func (in *inspector) droppedBy(peers uint64) map[string]uint64 {
	by := map[string]uint64{"listener_queue": in.r.drops.Load(), "peer_queue": peers, "peer_full": 0, "peer_gone": 0}
	if in.srv != nil {
		by["peer_full"], by["peer_gone"] = in.srv.full.Load(), in.srv.drops.Load()
	}
	return by
}

// Times is a histogram of how long something took.
type Times struct {
	Sum time.Duration
	// Bounds are the longest durations that Counts counts, in rising order, each without
	// those of the bound before; the last of Counts has no bound. Bounds is not to be
	// changed.
	Bounds []time.Duration
	Counts []uint64
}
