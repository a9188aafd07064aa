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
	patterns patterns[patterns[*subject]]
	found    [kinds][]*subscription // of the last search, kept for their room
	size     int                    // subscriptions
	changes  uint64                 // counts those that were added or removed
}

// A subject is what subscriptions are about: all those with the same pair of patterns
// share one. It is there as long as there is one of them.
type subject struct {
	r      *Router
	sender string
	event  string
	kind   kind
	below  bool
	exact  bool            // one event of one sender
	signal *signal         // of an exact one, while it is there
	subs   []*subscription // in order of registration
}

func (r *Router) newSubject(sender, event string, below bool) *subject {
	j := &subject{r: r, sender: sender, event: event, kind: kindOf(sender, event)}
	j.below = below && j.kind != routerBroadcast
	j.exact = j.kind == normal && !j.below && !sig.IsPattern(sender) && !sig.IsPattern(event)
	return j
}

func (j *subject) belowSender() bool { return j.below && j.event == sig.Any }
func (j *subject) belowEvent() bool  { return j.below && j.event != sig.Any }

// watches reports whether the listeners want to know of listeners.
func (j *subject) watches() bool { return j.event == sig.Subscribe || j.event == sig.Unsubscribe }

func (j *subject) matchesEvent(name string) bool {
	switch {
	case j.event == name || j.event == sig.Any:
		return true
	case j.below:
		return sig.MatchBelow(j.event, name)
	}
	return sig.Match(j.event, name)
}

func byID(a, b *subscription) int { return cmp.Compare(a.id, b.id) }

// at returns the place of a subject; nil when it is not there and create is not set.
func (x *index) at(sender, event string, below, create bool) **subject {
	if sender == sig.Any && event == sig.Any {
		below = false
	}
	events := x.patterns.at(sender, below && event == sig.Any, create)
	if events == nil {
		return nil
	}
	return events.at(event, below && event != sig.Any, create)
}

// add puts a subject into the index.
func (x *index) add(j *subject) { *x.at(j.sender, j.event, j.below, true) = j }

// remove takes a subject out.
func (x *index) remove(j *subject) {
	events := x.patterns.at(j.sender, j.belowSender(), false)
	events.remove(j.event, j.belowEvent())
	if events.empty() {
		x.patterns.remove(j.sender, j.belowSender())
	}
}

// subject returns the subject of these patterns, nil when nobody subscribes to it. r.mu
// is held.
func (r *Router) subject(sender, event string, below bool) *subject {
	if sd := r.senders.get(sender); sd != nil && !below {
		if sg := sd.signal(event); sg != nil && sg.subject != nil {
			return sg.subject
		}
	}
	if at := r.subs.at(sender, event, below, false); at != nil {
		return *at
	}
	return nil
}

// join adds a subscription to its subject, which need not be in the index. r.mu is
// held.
func (j *subject) join(s *subscription) {
	s.subject = j
	j.r.subs.size++
	j.r.subs.changes++
	if j.subs = append(j.subs, s); len(j.subs) > 1 {
		return
	}
	j.r.subs.add(j)
	if j.exact {
		j.link(j.r.signal(j.sender, j.event))
	}
}

// part removes a subscription. r.mu is held.
func (j *subject) part(s *subscription) {
	j.r.subs.size--
	j.r.subs.changes++
	if last := len(j.subs) - 1; j.subs[last] == s { // who comes last goes first, as often as not
		j.subs = shorten(j.subs)
	} else if i, ok := slices.BinarySearchFunc(j.subs, s, byID); ok {
		j.subs = slices.Delete(j.subs, i, i+1)
	}
}

// prune forgets the subject when it has lost its last subscription. r.mu is held.
func (j *subject) prune() {
	if len(j.subs) == 0 {
		j.r.subs.remove(j)
		j.link(nil)
	}
}

// link joins an exact subject and its signal, which may be nil. r.mu is held.
func (j *subject) link(sg *signal) {
	if j.signal != nil {
		j.signal.subject = nil
	}
	if j.signal = sg; sg != nil {
		sg.subject = j
	}
}

// search visits the leaves that match an event. #subscribe and #unsubscribe reach only
// who names them.
func (x *index) search(sender, event string, visit func(*subject)) {
	named := event == sig.Subscribe || event == sig.Unsubscribe
	x.patterns.match(sender, func(events *patterns[*subject]) {
		if !named {
			events.match(event, func(j **subject) { visit(*j) })
			return
		}
		for _, below := range [...]bool{false, true} {
			if j := events.at(event, below, false); j != nil {
				visit(*j)
			}
		}
	})
}

// matching returns the subscriptions that get an event, in the order of their calls.
// The caller owns the slice. r.mu is held.
func (r *Router) matching(sender, event string) []*subscription {
	x, n := &r.subs, 0
	x.search(sender, event, func(j *subject) {
		x.found[j.kind] = append(x.found[j.kind], j.subs...)
		n += len(j.subs)
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
	r.subs.search(sender, event, func(j *subject) { n += len(j.subs) })
	return n
}

// An eventSet holds the signals of one event name.
type eventSet struct {
	signals []*signal
	built   []*signal // those that have a list
}

// signals calls visit with each signal, of a sender that is there, that the subject
// matches. Where built is set it may leave out those that have no list, and visit may
// drop the list. r.mu is held.
func (j *subject) signals(built bool, visit func(*signal)) {
	switch {
	case j.exact:
		if j.signal != nil {
			visit(j.signal)
		}
	case j.kind == routerBroadcast && built:
		backward(j.r.built.all, visit)
	case j.kind == routerBroadcast:
		for sd := range j.r.senders.all() {
			backward(sd.signals, visit)
		}
	case j.kind == channel || sig.IsPattern(j.sender) && j.kind == normal:
		j.signalsByEvent(built, visit)
	default:
		j.signalsBySender(visit)
	}
}

// backward calls visit with the last first, since a list that is dropped takes its
// signal out of the set.
func backward(signals []*signal, visit func(*signal)) {
	for _, sg := range slices.Backward(signals) {
		visit(sg)
	}
}

func (j *subject) signalsByEvent(built bool, visit func(*signal)) {
	j.r.events.visit(j.event, j.belowEvent(), func(e *eventSet) {
		signals := e.signals
		if built {
			signals = e.built
		}
		backward(signals, func(sg *signal) {
			if sig.Match(j.sender, sg.sender.name) {
				visit(sg)
			}
		})
	})
}

func (j *subject) signalsBySender(visit func(*signal)) {
	j.r.byName.visit(j.sender, j.belowSender(), func(sd **sender) {
		for _, sg := range (*sd).signals {
			if j.matchesEvent(sg.name) {
				visit(sg)
			}
		}
	})
}
