package router

import (
	"fmt"
	"slices"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// remoteListener is a listener at a client.
type remoteListener struct {
	session *session
	id      uint32
	line    *carrier.Line // bound and policy of its own; nil: the peer's
}

// A fan hands the events of one signal to the remote listeners that match it, each
// event once to a peer.
type fan struct {
	srv     *ServerRouter
	route   *carrier.Route
	targets []fanTarget
	limited bool // somebody may not listen to everything
}

type fanTarget struct {
	session *session
	target  *carrier.Target
}

// newFan groups listeners by client, in the order in which the clients came first;
// those with a policy of their own stand alone, and so does each listener of a classic
// client, which knows of one listener an event.
func (s *ServerRouter) newFan(sender, event string, listeners []*remoteListener) *fan {
	f := &fan{srv: s, route: carrier.NewRoute(sender, event)}
	hear := hearing{sender: sender, event: event}
	group := map[*session]int{}
	var ids [][]uint32
	for _, l := range listeners {
		if !hear.may(l.session) {
			continue
		}
		p := l.session.peer.Load()
		single := l.line != nil || p != nil && !p.Fast()
		i, ok := group[l.session]
		if !ok || single {
			i = len(f.targets)
			f.targets = append(f.targets, fanTarget{session: l.session})
			ids = append(ids, nil)
			if !single {
				group[l.session] = i
			}
		}
		ids[i] = append(ids[i], l.id)
		if single {
			f.targets[i].target = carrier.NewTarget(ids[i], l.line)
		}
	}
	f.limited = hear.limited
	for i := range f.targets {
		if f.targets[i].target == nil {
			slices.Sort(ids[i])
			f.targets[i].target = carrier.NewTarget(ids[i], nil)
		}
	}
	return f
}

// deliver puts events into the queue of each peer, which take over one Hold each. By is the peer in whose reading goroutine this runs; nil in any other.
func (f *fan) deliver(row []carrier.Payload, retained bool, by *carrier.Peer) {
	for i := range f.targets {
		t := &f.targets[i]
		t.session.send(f.route, t.target, row, retained, by)
	}
}

// deliverOne is deliver for one event, which did not come in a row.
func (f *fan) deliverOne(data carrier.Payload, retained bool) {
	data.Hold(len(f.targets))
	f.deliver([]carrier.Payload{data}, retained, nil)
}

// send puts events into the client's queue.
func (x *session) send(r *carrier.Route, t *carrier.Target, row []carrier.Payload, retained bool, by *carrier.Peer) {
	p := x.peer.Load()
	if p == nil {
		x.sendAway(r, t, row, retained)
		return
	}
	failed, err := p.Push(r, t, row, retained)
	now := x.peer.Load() // the session may have changed hands meanwhile
	switch {
	case err != nil:
		x.srv.full.Add(uint64(failed))
		p.TooSlow("its queue is full (QueueBytes)")
		if now != p {
			x.full(now)
		}
	case now != p:
		if now != nil {
			now.Kick()
		}
	case by != nil:
		by.Touch(p)
	default:
		p.Kick()
	}
}

// full ends a session whose queue is full: the client will find that it is gone.
func (x *session) full(p *carrier.Peer) {
	if p != nil {
		p.TooSlow("its queue is full (QueueBytes)")
		return
	}
	x.holed.Store(true)
	x.srv.goWorker(func() { x.srv.giveUp(x, sig.Errorf(sig.ErrSlow, "its queue was full before it came back")) })
}

// sendAway keeps events for a client that may come back.
func (x *session) sendAway(r *carrier.Route, t *carrier.Target, row []carrier.Payload, retained bool) {
	if failed, err := x.wire.Push(r, t, row, retained, x.srv.engine.Limits().QueueBytes); err != nil {
		x.srv.full.Add(uint64(failed))
		x.full(x.peer.Load())
	} else if p := x.peer.Load(); p != nil {
		p.Kick() // it has come back
	}
}

// send is deliver for an event that was triggered in this process.
func (f *fan) send(e sig.Event) error {
	if f.limited && sig.IsBuiltin(e.Name) {
		return f.sendBuiltin(e)
	}
	data, size, err := f.encode(e.Data)
	if err != nil {
		f.srv.badEnc.Add(1)
		return fmt.Errorf("%s/%s cannot be sent to remote listeners: %w", e.Sender, e.Name, err)
	}
	f.caused(causeOfEvent(e.Origin)).deliverOne(f.shared(carrier.Payload{Data: data.Data}, data.Codec, size), e.Retained)
	return nil
}

// encode encodes data for those who listen: in the codec that all have agreed on, or as
// JSON. It returns how long the data are as JSON at most, where they are not.
func (f *fan) encode(v any) (data carrier.Encoded, size int, err error) {
	if !f.srv.engine.Mixed() {
		raw, err := encode(v)
		return carrier.Encoded{Data: raw}, 0, err
	}
	if raw, ok := v.(*sig.Raw); ok && raw != nil {
		data, err = encodeFor(f.srv.opts.Codecs.Find(raw.Codec.Name()), v)
	} else {
		data, err = encodeFor(f.commonCodec(), v)
	}
	if err == nil && data.Codec != nil {
		lim := f.srv.engine.Limits()
		size, err = f.srv.engine.Check(data, lim.MaxDepth, lim.MaxMessage)
	}
	return data, size, err
}

// commonCodec returns the codec of all peers that are connected; nil: JSON, or they differ.
func (f *fan) commonCodec() (common carrier.Codec) {
	first := true
	for i := range f.targets {
		p := f.targets[i].session.peer.Load()
		switch {
		case p == nil:
		case first:
			common, first = p.Codec(), false
		case common != p.Codec():
			return nil
		}
	}
	return common
}

// shared notes that the peers may want a payload in more than one encoding, if that is so.
// It is encoded with the codec, nil being JSON, and size is how long it is as JSON.
func (f *fan) shared(data carrier.Payload, codec carrier.Codec, size int) carrier.Payload {
	if codec == nil && (!f.srv.engine.Mixed() || !f.wantsCodec()) {
		return data
	}
	return data.Several(codec, size, f.srv.engine)
}

// wantsCodec reports whether a peer has agreed on a codec.
func (f *fan) wantsCodec() bool {
	for i := range f.targets {
		if p := f.targets[i].session.peer.Load(); p != nil && p.Codec() != nil {
			return true
		}
	}
	return false
}

// buildFanout is called by the Router when it builds the list of a signal.
func (s *ServerRouter) buildFanout(o *sig.Origin, subs []*subscription) fanout {
	listeners := make([]*remoteListener, 0, len(subs))
	for _, sub := range subs {
		listeners = append(listeners, sub.remote().(*remoteListener))
	}
	return s.newFan(o.Sender, o.Name, listeners)
}

// sendRetained is called by the Router when a remote listener was added.
func (s *ServerRouter) sendRetained(sub *subscription, e sig.Event) {
	f := s.newFan(e.Sender, e.Name, []*remoteListener{sub.remote().(*remoteListener)})
	if err := f.send(e); err != nil {
		s.log.Error("retained value not sent", "err", err)
	}
}

// String names the listener in reports.
func (l *remoteListener) String() string { return l.session.String() }
