package router

import (
	"sync/atomic"

	"github.com/sigrouter/sigrouter/sig"
)

// A signal is one event of one sender. It lives as long as the sender does.
type signal struct {
	list    atomic.Pointer[list] // nil: to be built by the next trigger
	origin  sig.Origin
	name    string
	sender  *sender
	event   *eventSet
	subject *subject // what listeners of this signal alone subscribe to; nil when there are none
	keep    *keep    // nil when the event is not retained
	gate    *gate    // nil until a waitable listener comes; read with r.mu held
	chain   atomic.Pointer[chain]
	meter   atomic.Pointer[meter] // nil while nobody has inspected the router

	// Places in the sets of signals that have a list, and of those of the event.
	inAll, inEvent, inSignals int
}

// Trigger calls every matching listener; see sig.Signal.
func (s *signal) Trigger(data any) error {
	l := s.list.Load()
	switch {
	case l == nil || l.extra != nil && !l.extra.gateOnly:
		if m := s.meter.Load(); m != nil {
			m.triggered(l, data)
		}
		return s.emit(sig.Event{Origin: &s.origin, Data: data})
	case l.extra != nil:
		l.extra.gate.call(s, l, data)
	default:
		s.call(l, data)
	}
	return nil
}

// call calls the listeners of a list.
func (s *signal) call(l *list, data any) {
	for i := 0; i < len(l.entries); {
		i = s.calls(l, i, data)
	}
}

// calls is call from an index on, up to the end or to a listener that panics: it returns
// the index to go on at. So one deferred call serves all listeners.
func (s *signal) calls(l *list, from int, data any) (next int) {
	done := false // spares a look for a panic where there is none
	defer func() {
		if !done {
			s.recovered(l, next, recover())
		}
	}()
	entries := l.entries
	next = from
	for {
		i := next
		if uint(i) >= uint(len(entries)) {
			break
		}
		if s.list.Load() != l {
			s.callChanged(l, i, data)
			next = len(entries)
			break
		}
		next = i + 1
		// The event is made anew for each: that is cheaper than to keep it over a call.
		entries[i].fn(sig.Event{Origin: &s.origin, Data: data})
	}
	done = true
	return next
}

func (s *signal) recovered(l *list, next int, v any) {
	if v != nil {
		s.sender.r.caught(v, sig.Event{Origin: &s.origin}, l.entries[next-1].sub)
	}
}

// callChanged calls the rest of a list that is not the newest any more, but for those
// listeners that have been removed.
func (s *signal) callChanged(l *list, from int, data any) {
	for _, en := range l.entries[from:] {
		if !en.gone() {
			s.sender.r.callOne(en, sig.Event{Origin: &s.origin, Data: data})
		}
	}
}

// emit is Trigger where more is to be done than to call the listeners of a list.
func (s *signal) emit(e sig.Event) error {
	l, err := s.current()
	if err != nil {
		return err
	}
	if x := l.extra; x != nil && len(x.uses) > 0 {
		s.sender.r.callOne(entry{fn: func(e sig.Event) { s.through(x, e) }}, e)
		return nil
	}
	return s.deliver(l, e)
}

// deliver is emit behind the middleware. Remote listeners come first; what keeps the
// event from them does not keep it from those of this process.
func (s *signal) deliver(l *list, e sig.Event) (err error) {
	if s.keep != nil {
		if l, err = s.store(e); err != nil {
			return err
		}
	}
	if x := l.extra; x != nil && x.fan != nil {
		err = x.fan.send(e)
	}
	s.run(l, e)
	return err
}

// run calls the listeners of a list.
func (s *signal) run(l *list, e sig.Event) {
	x := l.extra
	switch {
	case x == nil || x.gate == nil:
		s.callAll(l, e)
	case e.Origin == &s.origin:
		x.gate.call(s, l, e.Data)
	default:
		x.gate.run(func(e sig.Event) { s.callAll(l, e) }, e)
	}
}

func (s *signal) callAll(l *list, e sig.Event) {
	if e.Origin == &s.origin {
		s.call(l, e.Data)
		return
	}
	// A retained value, or what middleware made of an event.
	for _, en := range l.entries {
		if !en.gone() {
			s.sender.r.callOne(en, e)
		}
	}
}

// current returns the signal's list. It fails when the sender has gone.
func (s *signal) current() (*list, error) {
	if l := s.list.Load(); l != nil {
		return l, nil
	}
	r := s.sender.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := s.sender.isGone(); err != nil {
		return nil, err
	}
	if l := s.list.Load(); l != nil {
		return l, nil
	}
	return r.build(s), nil
}

// Listeners returns how many listeners the event has now.
func (s *signal) Listeners() int {
	l, err := s.current()
	if err != nil {
		return 0
	}
	return l.size()
}
