package router

import (
	"github.com/sigrouter/sigrouter/sig"
)

// A list is what one signal calls, in the order of the calls. It never changes after
// it was published, but for one thing: its entries may have room at their end, where
// those of a later, longer list continue.
type list struct {
	entries []entry
	extra   *extra // nil for most
}

// An entry is one call.
type entry struct {
	fn sig.Listener
	// sub is the subscription, so that a trigger under way can see that it has been
	// removed. Nil where the entry stands for several, which look for themselves.
	sub *subscription
}

// gone reports whether the entry's listener has been removed.
func (en *entry) gone() bool { return en.sub != nil && en.sub.removed() }

// extra is what makes a trigger more than a row of calls.
type extra struct {
	uses    []*use // middleware, outermost first
	version uint64 // of the router's middleware
	gate    *gate  // counts the triggers under way; nil when nobody may wait for them
	fan     fanout // takes the event to all remote listeners, before the entries; nil for none
	more    int    // listeners beyond the number of entries

	gateOnly bool // there is a gate, and nothing else to be done
	tap      bool // there would be no extra, or gateOnly set, but for the triggers to be counted
}

// size returns how many listeners there are, those behind queues and connections
// counted one by one.
func (l *list) size() int {
	if l.extra == nil {
		return len(l.entries)
	}
	return len(l.entries) + l.extra.more
}

// gated reports whether triggers of the list can be waited for.
func (l *list) gated() bool { return l.extra != nil && l.extra.gate != nil }

// with returns the list with a listener added at its end. It shares the entries: who
// reads the old list never looks past its end.
func (l *list) with(s *subscription) *list {
	return &list{append(l.entries, entry{s.call(), s}), l.extra}
}

// without returns a copy of the list that lacks a listener, with room for another.
func (l *list) without(s *subscription) *list {
	n := len(l.entries)
	i := n - 1 // who comes last goes first, as often as not
	for ; i >= 0 && l.entries[i].sub != s; i-- {
	}
	if i < 0 {
		return l
	}
	entries := make([]entry, n-1, n+n/16)
	copy(entries, l.entries[:i])
	copy(entries[i:], l.entries[i+1:])
	return &list{entries, l.extra}
}

// build makes and publishes the list of a signal. r.mu is held, and s.keep.mu where
// the signal has it.
func (r *Router) build(s *signal) *list {
	subs := r.matching(s.sender.name, s.name)
	l := &list{entries: make([]entry, 0, len(subs)+1)}
	var x extra
	x.fan, l.entries = r.entries(&s.origin, subs, l.entries, false)
	x.uses, x.version = r.usesOf(&s.origin), r.usesVersion
	for _, sub := range subs {
		if sub.waitable {
			if s.gate == nil {
				s.gate = newGate()
			}
			x.gate = s.gate
			sub.addGate(s.gate)
		}
	}
	x.more = len(subs) - len(l.entries)
	if x.more != 0 || len(x.uses) > 0 || x.gate != nil || x.fan != nil || s.keep != nil {
		x.gateOnly = x.gate != nil && len(x.uses) == 0 && x.fan == nil && s.keep == nil
		l.extra = &x
	}
	if r.insp.Load() != nil {
		l = l.tapped()
	}
	s.list.Store(l)
	r.built.add(s)
	return l
}

// entries appends the calls of the subscriptions to a list, and returns what takes the
// event to all remote listeners: it comes first, so that they see the event before what
// local listeners trigger because of it. For a notice it is among the calls, and none of
// these waits for room in a queue.
func (r *Router) entries(o *sig.Origin, subs []*subscription, to []entry, notice bool) (fanout, []entry) {
	var fan fanout
	if remote := remotes(subs); len(remote) > 0 && r.buildFanout != nil {
		fan = r.buildFanout(o, remote)
		if notice {
			to = append(to, entry{fn: func(e sig.Event) { r.sent(fan.send(e)) }})
		}
	}
	r.builds++
	for _, s := range subs {
		q := s.ring()
		switch {
		case s.remote() != nil:
		case q == nil:
			fn := s.call()
			if notice {
				fn = s.gated(fn)
			}
			to = append(to, entry{fn, s})
		case q.build != r.builds: // one write serves all readers of a ring
			q.build = r.builds
			to = append(to, entry{fn: q.writer(notice)})
		}
	}
	return fan, to
}

func remotes(subs []*subscription) []*subscription {
	var remote []*subscription
	for _, s := range subs {
		if s.remote() != nil {
			remote = append(remote, s)
		}
	}
	return remote
}

// drop takes a signal's list away; the next trigger builds another. r.mu is held.
func (r *Router) drop(s *signal) {
	if s.list.Load() == nil {
		return
	}
	s.list.Store(nil)
	r.built.remove(s)
}

// A builtSet holds the signals that have a list, so that who changes a wildcard drops
// lists at the cost of those that were built since the last time.
type builtSet struct{ all []*signal }

// add puts the signal into the router's set and into that of its event.
func (b *builtSet) add(s *signal) {
	s.inAll, b.all = len(b.all), append(b.all, s)
	e := s.event
	s.inEvent, e.built = len(e.built), append(e.built, s)
}

// remove takes it out of both.
func (b *builtSet) remove(s *signal) {
	last := b.all[len(b.all)-1]
	b.all[s.inAll], last.inAll = last, s.inAll
	b.all = shorten(b.all)

	e := s.event
	last = e.built[len(e.built)-1]
	e.built[s.inEvent], last.inEvent = last, s.inEvent
	e.built = shorten(e.built)
}

func shorten[T any](s []*T) []*T {
	s[len(s)-1] = nil
	return s[:len(s)-1]
}
