package router

import (
	"fmt"
	"slices"

	"github.com/sigrouter/sigrouter/sig"
)

// This file is where a router that has peers takes hold of the Router it is built on.
// The Router knows nothing of carriers; it knows that a subscription may have a far end
// instead of a function, and that a sender may have an owner.

// seam is the part of a Router that is set by the router built on it, before anything
// is added.
type seam struct {
	// buildFanout makes what takes the events of one signal to remote listeners, given
	// these in order of registration. It is called when the signal's list is built, with
	// r.mu held: it must not call the Router. Its send is called before the listeners of
	// this process, so that peers see an event before what these trigger because of it.
	buildFanout func(o *sig.Origin, subs []*subscription) fanout

	// sendRetained takes a retained value to a remote listener that was just added,
	// before anything newer. It is called with locks held: it must neither block nor
	// call the Router.
	sendRetained func(s *subscription, e sig.Event)

	// checkHopsAt counts and refuses what has too many hops behind it; nil: the default limit
	// applies.
	checkHopsAt func(hops uint64) error

	// server is the router that is built on this one, if it has peers.
	server *ServerRouter
}

// A remoteTarget is the far end of a subscription. The Router only shows it in reports.
type remoteTarget interface{ fmt.Stringer }

// A fanout takes the events of one signal to its remote listeners. What its send
// returns, Trigger returns; the listeners of this process are called all the same.
type fanout interface{ send(e sig.Event) error }

// listenRemote adds a remote listener. If ready is not nil it is called with r.mu held
// when the id is known and before anything can be sent to the listener: the place to
// queue the reply to add_listener. It must neither block nor call the Router.
func (r *Router) listenRemote(sender, event string, target remoteTarget, cfg sig.ListenConfig, ready func(id uint64)) (*subscription, error) {
	s := &subscription{ext: &extension{remote: target}}
	err := r.subscribe(s, sender, event, cfg, func(s *subscription) {
		if ready != nil {
			ready(s.id)
		}
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// rebuild drops every list, because something has changed that buildFanout looks at.
func (r *Router) rebuild() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range slices.Backward(r.built.all) {
		r.drop(s)
	}
}

// Further parts of the seam, where they belong:
//
//	addSender(name, owner, cfg)     adds a sender on behalf of an owner; nil is this
//	                                process. A sender whose requests are answered
//	                                elsewhere declares them all with one handler.
//	(*sender).remove(reason)        removes it; reason is for #disconnect.
//	(*sender).owner                 who added it.
//	(*subscription).id              ascending in the order of registration.

// A route says how an event that came from a carrier is to be delivered.
type route struct {
	list *list
	fan  fanout // takes the event to the remote listeners, as bytes if it likes; nil for none
	// local reports that deliverLocal must be called, with a sig.Event.
	local bool
}

// route returns how the signal's events are to be delivered now. It fails when the
// sender has gone. When middleware or a retained value is involved, fan is nil and
// deliverLocal does all.
func (s *signal) route() (route, error) {
	l, err := s.current()
	switch {
	case err != nil:
		return route{}, err
	case l.extra == nil:
		return route{list: l, local: len(l.entries) > 0}, nil
	case len(l.extra.uses) > 0 || s.keep != nil:
		return route{list: l, local: true}, nil
	}
	return route{list: l, fan: l.extra.fan, local: len(l.entries) > 0}, nil
}

// deliverLocal delivers an event as the route says, but for what goes to route.fan.
func (s *signal) deliverLocal(to route, data any) error {
	return s.deliverEvent(to, sig.Event{Origin: &s.origin, Data: data})
}

// deliverEvent is deliverLocal for an event that may have an Origin of its own.
func (s *signal) deliverEvent(to route, e sig.Event) error {
	if x := to.list.extra; x != nil && (len(x.uses) > 0 || s.keep != nil) {
		return s.emit(e)
	}
	s.run(to.list, e)
	return nil
}

// sent reports what kept a built-in event from remote listeners.
func (r *Router) sent(err error) {
	if err != nil {
		r.log.Error("not sent to remote listeners", "err", err)
	}
}
