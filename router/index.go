package router

import (
	"cmp"
	"slices"

	"github.com/sigrouter/sigrouter/sig"
)

// A kind is the first part of a subscription's place in the order of calls.
type kind uint8

const (
	routerBroadcast kind = iota
	senderBroadcast
	channel
	normal
	kinds
)

func kindOf(sender, event string) kind {
	switch {
	case sender == sig.Any && event == sig.Any:
		return routerBroadcast
	case event == sig.Any:
		return senderBroadcast
	case sender == sig.Any:
		return channel
	}
	return normal
}

func (k kind) String() string {
	return [...]string{"router broadcast", "sender broadcast", "channel", "normal"}[k]
}

// An index finds the subscriptions that match a signal: by the pattern for its sender,
// then by the pattern for its event.
type index struct {
	patterns patterns[patterns[leaf]]
	found    [kinds][]*subscription // of the last search, kept for their room
}

// A leaf holds the subscriptions of one pair of patterns, in order of registration.
type leaf struct{ subs []*subscription }

func byID(a, b *subscription) int { return cmp.Compare(a.id, b.id) }

func (x *index) add(s *subscription) {
	events := x.patterns.at(s.sender, s.belowSender(), true)
	s.leaf = events.at(s.event, s.belowEvent(), true)
	s.leaf.subs = append(s.leaf.subs, s)
}

func (x *index) remove(s *subscription) {
	if i, ok := slices.BinarySearchFunc(s.leaf.subs, s, byID); ok {
		s.leaf.subs = slices.Delete(s.leaf.subs, i, i+1)
	}
	if len(s.leaf.subs) > 0 {
		return
	}
	events := x.patterns.at(s.sender, s.belowSender(), false)
	events.remove(s.event, s.belowEvent())
	if events.empty() {
		x.patterns.remove(s.sender, s.belowSender())
	}
}

// search visits the leaves that match an event. #subscribe and #unsubscribe reach only
// who names them.
func (x *index) search(sender, event string, visit func(*leaf)) {
	named := event == sig.Subscribe || event == sig.Unsubscribe
	x.patterns.match(sender, func(events *patterns[leaf]) {
		if !named {
			events.match(event, visit)
			return
		}
		for _, below := range [...]bool{false, true} {
			if l := events.at(event, below, false); l != nil {
				visit(l)
			}
		}
	})
}

// matching returns the subscriptions that get an event, in the order of their calls.
// The caller owns the slice. r.mu is held.
func (r *Router) matching(sender, event string) []*subscription {
	x, n := &r.subs, 0
	x.search(sender, event, func(l *leaf) {
		k := l.subs[0].kind
		x.found[k] = append(x.found[k], l.subs...)
		n += len(l.subs)
	})
	all := make([]*subscription, 0, n)
	for k, found := range x.found {
		if !slices.IsSortedFunc(found, byID) {
			slices.SortFunc(found, byID)
		}
		all = append(all, found...)
		clear(found)
		x.found[k] = found[:0]
	}
	return all
}

// count returns how many subscriptions get an event. r.mu is held.
func (r *Router) count(sender, event string) int {
	n := 0
	r.subs.search(sender, event, func(l *leaf) { n += len(l.subs) })
	return n
}

// An eventSet holds the signals of one event name.
type eventSet struct {
	signals []*signal
	built   []*signal // those that have a list
}

// signalsOf calls visit with each signal, of a sender that is there, that the
// subscription matches. Where built is set it may leave out those that have no list,
// and visit may drop the list. r.mu is held.
func (r *Router) signalsOf(s *subscription, built bool, visit func(*signal)) {
	switch {
	case s.kind == routerBroadcast && built:
		// Backward, since a list that is dropped takes its signal out of the set.
		for _, sg := range slices.Backward(r.built.all) {
			visit(sg)
		}
	case s.kind == routerBroadcast:
		for sd := range r.senders.all() {
			for _, sg := range sd.signals {
				visit(sg)
			}
		}
	case s.kind == channel:
		r.events.visit(s.event, s.belowEvent(), func(e *eventSet) {
			signals := e.signals
			if built {
				signals = e.built
			}
			for _, sg := range slices.Backward(signals) {
				visit(sg)
			}
		})
	default:
		r.byName.visit(s.sender, s.belowSender(), func(sd **sender) {
			for _, sg := range (*sd).signals {
				if s.matchesEvent(sg.name) {
					visit(sg)
				}
			}
		})
	}
}
