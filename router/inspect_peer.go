package router

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// A peerMeter is what the inspector notes of a peer.
type peerMeter struct {
	id      uint64
	peer    *carrier.Peer
	born    uint64 // versions
	version uint64

	in, out, bytesIn, bytesOut rater
	perSecond                  PeerRates
	dropped                    uint64 // events, as of the last look
	droppedAt                  uint64 // tick at which there were more last
	shown                      PeerInfo
}

// PeerRates are what passes a connection in a second, over the last 5 s.
type PeerRates struct {
	In       float64 `json:"in"`  // messages the peer sent
	Out      float64 `json:"out"` // messages sent to it
	BytesIn  float64 `json:"bytes_in"`
	BytesOut float64 `json:"bytes_out"`
}

// totals are counts since the inspector began.
type totals struct {
	events, sent, requests, failed uint64
	bytesIn, bytesOut              uint64
	dropped                        uint64 // from queues of peers
	drops                          uint64 // all; not kept
}

// lookAtPeers brings what changes of peers up to date.
func (in *inspector) lookAtPeers() {
	if in.srv == nil {
		return
	}
	for _, p := range in.srv.engine.Peers() {
		pm := in.peers[p.ID]
		if pm == nil {
			pm = in.addPeer(p)
		}
		in.measurePeer(pm)
	}
}

// addPeer begins to measure a peer. in.mu is held.
func (in *inspector) addPeer(p *carrier.Peer) *peerMeter {
	in.version++
	pm := &peerMeter{id: p.ID, peer: p, born: in.version, version: in.version}
	s := &p.Stats
	pm.in.begin(in.tick, s.MessagesIn.Load())
	pm.out.begin(in.tick, s.MessagesOut.Load())
	pm.bytesIn.begin(in.tick, s.BytesIn.Load())
	pm.bytesOut.begin(in.tick, s.BytesOut.Load())
	in.peers[p.ID] = pm
	in.carrierOf(p).Connections++
	return pm
}

func (in *inspector) measurePeer(pm *peerMeter) {
	s := &pm.peer.Stats
	pm.perSecond = PeerRates{
		In:       tenths(pm.in.next(in.tick, s.MessagesIn.Load(), &in.times)),
		Out:      tenths(pm.out.next(in.tick, s.MessagesOut.Load(), &in.times)),
		BytesIn:  math.Round(pm.bytesIn.next(in.tick, s.BytesIn.Load(), &in.times)),
		BytesOut: math.Round(pm.bytesOut.next(in.tick, s.BytesOut.Load(), &in.times)),
	}
	in.settle(sessionOf(pm.peer))
	info := in.srv.peerInfo(pm.peer)
	if info.Dropped > pm.dropped {
		pm.dropped, pm.droppedAt = info.Dropped, in.tick
	}
	info.PeerRates, info.Slow = pm.perSecond, pm.slow(in, &info)
	if !info.sameAs(&pm.shown) {
		in.version++
		pm.version = in.version
	}
	pm.shown = info
}

// settled is how much of what a session's queue counts has been added to the totals;
// guarded by the inspector's lock.
type settled struct{ sent, dropped uint64 }

// settle adds to the totals what a session's queue has counted since the last time. in.mu
// is held.
func (in *inspector) settle(x *session) {
	q := x.wire.Out.Stats()
	if q.Sent >= x.settled.sent { // else the numbers began anew
		in.past.sent += q.Sent - x.settled.sent
	}
	in.past.dropped += q.Dropped - x.settled.dropped
	x.settled = settled{q.Sent, q.Dropped}
}

// settle is called when a session ends, before what waits in its queue is forgotten, which
// the server counts itself.
func (s *ServerRouter) settle(x *session) {
	if in := s.insp.Load(); in != nil {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.settle(x)
	}
}

// slow reports whether the peer does not keep up: half of what closes it waits for it, or
// events for it were dropped within the last 10 s.
func (pm *peerMeter) slow(in *inspector, info *PeerInfo) bool {
	return info.QueueBytes > in.srv.engine.Limits().QueueSoftBytes/2 || pm.droppedAt > 0 && in.tick-pm.droppedAt < 10
}

// sameAs reports whether nothing has changed that is worth telling.
func (p *PeerInfo) sameAs(o *PeerInfo) bool {
	return p.Name == o.Name && p.Identity == o.Identity && p.Codec == o.Codec && p.Envelope == o.Envelope && p.Classic == o.Classic &&
		p.Senders == o.Senders && p.Listeners == o.Listeners &&
		p.MessagesIn == o.MessagesIn && p.MessagesOut == o.MessagesOut && p.PeerRates == o.PeerRates &&
		p.RoundTrip == o.RoundTrip && p.Queue == o.Queue && p.QueueBytes == o.QueueBytes && p.InFlight == o.InFlight &&
		p.Dropped == o.Dropped && p.Calls == o.Calls && p.Answering == o.Answering && p.Slow == o.Slow &&
		p.Refused == o.Refused && maps.Equal(p.Counters, o.Counters)
}

// peerCame and peerWent are called when a peer has come or gone.
func (in *inspector) peerCame(p *carrier.Peer) {
	if in == nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.peers[p.ID] == nil {
		in.addPeer(p) // it has said nothing yet; until the next look, who asks gets what is so then
	}
}

func (in *inspector) peerWent(p *carrier.Peer) {
	if in == nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.peers[p.ID] == nil {
		return
	}
	in.past.bytesIn += p.Stats.BytesIn.Load()
	in.past.bytesOut += p.Stats.BytesOut.Load()
	in.carrierOf(p).add(p)
	delete(in.peers, p.ID)
	in.bury(gonePeer, p.ID)
}

// peerInfo describes a client that is connected.
func (s *ServerRouter) peerInfo(p *carrier.Peer) PeerInfo {
	x, info := sessionOf(p), infoOf(p)
	info.Since = x.since
	if info.Heard.Before(info.Since) { // which the engine's clock, of 250 ms, may say
		info.Heard = info.Since
	}
	info.Senders, info.Listeners = x.counts()
	return info
}

// fill adds what the queue of the peer says, and the rest that changes.
func (p *PeerInfo) fill(peer *carrier.Peer) {
	p.Codec, p.Envelope = carrier.Encoded{Codec: peer.Codec()}.SigCodec().Name(), envelopeJSON
	if peer.Binary() {
		p.Envelope = envelopeFrame
	}
	p.Heard = peer.Heard()
	q := peer.Session().Out.Stats()
	p.Queue, p.QueueBytes, p.InFlight, p.Sent, p.Dropped = q.Waiting, q.WaitingBytes, q.InFlight, q.Sent, q.Dropped
	p.Calls, p.Answering = peer.Calls()
	p.Strays, p.Duplicates, p.Refused = peer.Stats.Strays.Load(), peer.Stats.Duplicates.Load(), peer.Stats.Refused.Load()
	p.Counters = peer.Counters()
}

// tenths rounds a rate for people.
func tenths(f float64) float64 { return math.Round(f*10) / 10 }

// pressure counts the slow peers and the bytes that wait, as of the last look. in.mu is
// held.
func (in *inspector) pressure() (slow, queued int) {
	for _, pm := range in.peers {
		queued += pm.shown.QueueBytes
		if pm.shown.Slow {
			slow++
		}
	}
	return slow, queued
}

// peerList lists the peers with their rates. in.mu is held.
func (in *inspector) peerList() []PeerInfo {
	if in.srv == nil {
		return nil
	}
	infos := in.srv.Peers()
	for i := range infos {
		if pm := in.peers[infos[i].ID]; pm != nil {
			infos[i].PeerRates, infos[i].Slow = pm.perSecond, pm.shown.Slow
		}
	}
	slices.SortFunc(infos, func(a, b PeerInfo) int { return cmp.Compare(a.ID, b.ID) })
	return infos
}

// disconnect closes a peer's connection.
func (s *ServerRouter) disconnect(id uint64, why string) error {
	for _, p := range s.engine.Peers() {
		if p.ID == id {
			p.Close(sig.Errorf(sig.ErrRefused, "%s", why))
			return nil
		}
	}
	return sig.Errorf(sig.ErrInvalid, "no peer %d is connected", id)
}

// Disconnect closes the connection of a peer; why is told to it and to the log. A client
// that connects again is let in again. It fails when there is no such peer.
func (s *ServerRouter) Disconnect(peer uint64, why string) error {
	return s.disconnect(peer, cmp.Or(why, "disconnected by the operator"))
}
