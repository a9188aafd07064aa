package metrics

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
)

// other stands for the names beyond those that have series of their own.
const other = "other"

func (w *writer) router(s *router.Snapshot) {
	st := &s.Router
	w.family("sig_info", gauge, "Always 1; the labels name the router and its version.")
	w.value(1, "name", st.Name, "version", st.Version)
	w.one("sig_inspection_start_time_seconds", gauge, float64(st.Started.UnixMilli())/1000, "When counting began, in seconds since 1970.")
	for _, g := range []struct {
		name  string
		value float64
		help  string
	}{
		{"sig_peers", float64(st.Peers), "Peers that are connected."},
		{"sig_slow_peers", float64(st.Slow), "Peers that do not keep up."},
		{"sig_away_sessions", float64(st.Away), "Sessions whose client may come back."},
		{"sig_senders", float64(st.Senders), "Senders."},
		{"sig_signals", float64(st.Signals), "Events that senders declare."},
		{"sig_listeners", float64(st.Listeners), "Listeners."},
		{"sig_queued_bytes", float64(st.QueuedBytes), "Bytes that wait for all peers together."},
		{"sig_kept_bytes", float64(st.KeptBytes), "Bytes of values that the inspection keeps."},
	} {
		w.one(g.name, gauge, g.value, g.help)
	}
	w.one("sig_events", counter, float64(st.Events), "Events triggered.")
	w.one("sig_events_sent", counter, float64(st.Sent), "Events sent to peers.")
	w.family("sig_events_dropped", counter, "Events that a listener did not get, by reason.")
	for _, reason := range slices.Sorted(maps.Keys(st.DroppedBy)) {
		w.count(st.DroppedBy[reason], "reason", reason)
	}
	w.count(st.Unencodable, "reason", "unencodable")
	w.one("sig_requests", counter, float64(st.Requests), "Requests answered or failed.")
	w.one("sig_requests_failed", counter, float64(st.Failed), "Requests failed.")
}

func (w *writer) server(st router.ServerStats) {
	w.one("sig_connections", gauge, float64(st.Conns), "Connections.")
	w.one("sig_connections_logging_in", gauge, float64(st.LoggingIn), "Connections that are not logged in yet.")
	w.one("sig_connections_refused", counter, float64(st.Refused), "Connections turned away.")
	w.one("sig_partial_bytes", gauge, float64(st.PartialBytes), "Bytes kept of messages that are not whole, but for up to 64 KiB of each connection.")
	w.one("sig_login_failures", counter, float64(st.LoginFailures), "Logins that failed.")
	w.family("sig_limit_exceeded", counter, "How often a limit was passed, by its name.")
	for _, name := range limitNames(st.Passed) {
		w.count(st.Passed[name], "limit", name)
	}
}

// limitNames returns the names of all limits, and of those that were passed.
func limitNames(passed map[string]uint64) []string {
	names := map[string]bool{}
	for f := range reflect.TypeFor[carrier.Limits]().Fields() {
		names[f.Name] = true
	}
	for name := range passed {
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

func (w *writer) carriers(all []router.CarrierStatus) {
	w.family("sig_carrier_peers", gauge, "Peers that are connected, by kind of carrier.")
	for i := range all {
		w.value(float64(all[i].Peers), "carrier", all[i].Carrier)
	}
	for _, f := range []struct {
		name, help string
		of         func(*router.CarrierStatus) uint64
	}{
		{"sig_carrier_connections", "Connections there have been.", func(c *router.CarrierStatus) uint64 { return c.Connections }},
		{"sig_carrier_received_messages", "Messages received.", func(c *router.CarrierStatus) uint64 { return c.MessagesIn }},
		{"sig_carrier_sent_messages", "Messages sent.", func(c *router.CarrierStatus) uint64 { return c.MessagesOut }},
		{"sig_carrier_received_bytes", "Bytes received.", func(c *router.CarrierStatus) uint64 { return c.BytesIn }},
		{"sig_carrier_sent_bytes", "Bytes sent.", func(c *router.CarrierStatus) uint64 { return c.BytesOut }},
		{"sig_carrier_stray_replies", "Replies that nobody waited for.", func(c *router.CarrierStatus) uint64 { return c.Strays }},
		{"sig_carrier_duplicate_signals", "Signals that came twice and were dispatched once.", func(c *router.CarrierStatus) uint64 { return c.Duplicates }},
		{"sig_carrier_refused_messages", "Messages that were answered with an error.", func(c *router.CarrierStatus) uint64 { return c.Refused }},
		{"sig_carrier_lost_signals", "Signals that a line lost.", func(c *router.CarrierStatus) uint64 { return c.Lost }},
		{"sig_carrier_resent", "How often signals were sent again because a line may have lost them.", func(c *router.CarrierStatus) uint64 { return c.Resent }},
	} {
		w.family(f.name, counter, f.help)
		for i := range all {
			w.count(f.of(&all[i]), "carrier", all[i].Carrier)
		}
	}
	w.family("sig_carrier_counter", counter, "What connections of a carrier count themselves, damaged frames of a serial line for instance.")
	for _, c := range all {
		for _, name := range slices.Sorted(maps.Keys(c.Counters)) {
			w.count(c.Counters[name], "carrier", c.Carrier, "counter", name)
		}
	}
}

func (w *writer) links(all []router.LinkStatus, most int) {
	all = all[:min(len(all), most)]
	w.family("sig_link_up", gauge, "1 for an address that is listened at and a device that is open, 0 for one that is waited for.")
	for _, l := range all {
		up := 0.0
		if l.Error == "" && l.State != "waiting" && l.State != "closed" {
			up = 1
		}
		w.value(up, "url", l.URL)
	}
	w.family("sig_link_attempts", gauge, "Attempts to open a link since it was open last.")
	for _, l := range all {
		w.value(float64(l.Attempts), "url", l.URL)
	}
	w.family("sig_link_counter", counter, "What a link counts itself.")
	for _, l := range all {
		for _, name := range slices.Sorted(maps.Keys(l.Counters)) {
			w.count(l.Counters[name], "url", l.URL, "counter", name)
		}
	}
}

// peerGauges are what is told of the peers of one name as it is now.
type peerGauges struct {
	connections, events, bytes, inFlight float64
	roundTrip                            time.Duration // the longest
}

func (w *writer) peers(c *Collector, s *router.Snapshot) {
	now := s.Router.Now
	c.peers.begin(now)
	c.drops.begin(now)
	gauges := map[string]*peerGauges{}
	for i := range s.Peers {
		p := &s.Peers[i]
		name := p.Name
		// What was dropped belongs to the session, which outlives its connections.
		c.drops.add(name, uint64(p.Since.UnixNano()), counts{p.Dropped}, now)
		if !c.peers.add(name, p.ID, counts{p.MessagesIn, p.MessagesOut, p.BytesIn, p.BytesOut}, now) {
			name = other
		}
		g := gauges[name]
		if g == nil {
			g = &peerGauges{}
			gauges[name] = g
		}
		g.connections++
		g.events += float64(p.Queue)
		g.bytes += float64(p.QueueBytes)
		g.inFlight += float64(p.InFlight)
		g.roundTrip = max(g.roundTrip, p.RoundTrip)
	}
	var total counts
	for _, k := range s.Carriers {
		total[0] += k.MessagesIn
		total[1] += k.MessagesOut
		total[2] += k.BytesIn
		total[3] += k.BytesOut
	}
	others, otherDrops := c.peers.end(total), c.drops.end(counts{})
	w.peerNow(gauges)
	names := slices.Sorted(maps.Keys(c.peers.rows))
	for i, f := range [][2]string{
		{"sig_peer_received_messages", "Messages received from peers of a name."}, {"sig_peer_sent_messages", "Messages sent to peers of a name."},
		{"sig_peer_received_bytes", "Bytes received from peers of a name."}, {"sig_peer_sent_bytes", "Bytes sent to peers of a name."},
	} {
		w.family(f[0], counter, f[1])
		for _, name := range names {
			if r := c.peers.rows[name]; r.here && name != other {
				w.count(r.sum[i], "peer", name)
			}
		}
		w.count(others[i]+sumOf(c.peers.rows[other], i), "peer", other)
	}
	w.family("sig_peer_dropped_events", counter, "Events that were dropped for peers of a name.")
	for _, name := range slices.Sorted(maps.Keys(c.drops.rows)) {
		if r := c.drops.rows[name]; r.here && name != other {
			w.count(r.sum[0], "peer", name)
		}
	}
	w.count(otherDrops[0]+sumOf(c.drops.rows[other], 0), "peer", other)
}

// sumOf is what was counted under a name, perhaps none.
func sumOf(r *row, i int) uint64 {
	if r == nil {
		return 0
	}
	return r.sum[i]
}

func (w *writer) peerNow(gauges map[string]*peerGauges) {
	names := slices.Sorted(maps.Keys(gauges))
	for _, f := range []struct {
		name, help string
		of         func(*peerGauges) float64
	}{
		{"sig_peer_connections", "Peers of a name that are connected.", func(g *peerGauges) float64 { return g.connections }},
		{"sig_peer_queue_events", "Events that wait for peers of a name.", func(g *peerGauges) float64 { return g.events }},
		{"sig_peer_queue_bytes", "Bytes that wait for peers of a name.", func(g *peerGauges) float64 { return g.bytes }},
		{"sig_peer_in_flight_events", "Events sent to peers of a name and not acknowledged.", func(g *peerGauges) float64 { return g.inFlight }},
		{"sig_peer_round_trip_seconds", "Round trip of the last ping, the longest of the peers of a name; 0 if none was measured.", func(g *peerGauges) float64 { return g.roundTrip.Seconds() }},
	} {
		w.family(f.name, gauge, f.help)
		for _, name := range names {
			w.value(f.of(gauges[name]), "peer", name)
		}
	}
}

type signalName struct{ sender, event string }

func (w *writer) signals(c *Collector, s *router.Snapshot) {
	c.signals.begin(s.Router.Now)
	listeners := map[signalName]int{}
	beyond := 0 // listeners of the others
	for _, sg := range s.Signals {
		name := signalName{sg.Sender, sg.Event}
		if c.signals.add(name, sg.ID, counts{sg.Count}, s.Router.Now) {
			listeners[name] = sg.Listeners
		} else {
			beyond += sg.Listeners
		}
	}
	others := c.signals.end(counts{s.Router.Events})
	names := slices.SortedFunc(maps.Keys(listeners), func(a, b signalName) int {
		return cmp.Or(cmp.Compare(a.sender, b.sender), cmp.Compare(a.event, b.event))
	})
	w.family("sig_signal_events", counter, "Events triggered, by sender and event.")
	for _, n := range names {
		if (n != signalName{other, other}) {
			w.count(c.signals.rows[n].sum[0], "sender", n.sender, "event", n.event)
		}
	}
	w.count(others[0]+sumOf(c.signals.rows[signalName{other, other}], 0), "sender", other, "event", other)
	w.family("sig_signal_listeners", gauge, "Listeners of an event.")
	for _, n := range names {
		if (n != signalName{other, other}) {
			w.value(float64(listeners[n]), "sender", n.sender, "event", n.event)
		}
	}
	w.value(float64(beyond+listeners[signalName{other, other}]), "sender", other, "event", other)
}
