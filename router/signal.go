package router

import (
	"sync/atomic"

	"github.com/sigrouter/sigrouter/sig"
)

// A signal is one event of one sender. It lives as long as the sender does.
type signal struct {
	list   atomic.Pointer[list] // nil: to be built by the next trigger
	origin sig.Origin
	name   string
	sender *sender
	event  *eventSet
	keep   *keep // nil when the event is not retained
	gate   *gate // nil until a waitable listener comes; read with r.mu held
	chain  atomic.Pointer[chain]

	// Places in the sets of signals that have a list, and of those of the event.
	inAll, inEvent, inSignals int
}

// Trigger calls every matching listener; see sig.Signal.
func (s *signal) Trigger(data any) error {
	l := s.list.Load()
	if l == nil || l.extra != nil {
		return s.emit(sig.Event{Origin: &s.origin, Data: data})
	}
	for i := 0; i < len(l.entries); {
		i = s.call(l, i, sig.Event{Origin: &s.origin, Data: data})
	}
	return nil
}

// call calls the listeners of a list from the one at an index on. It returns the index
// to go on at: past the end, or after a listener that panicked. So one deferred call
// serves all of them.
func (s *signal) call(l *list, from int, e sig.Event) (next int) {
	defer func() {
		if v := recover(); v != nil {
			s.sender.r.caught(v, e, l.entries[next-1].sub)
		}
	}()
	entries := l.entries
	for next = from; next < len(entries); {
		en := &entries[next]
		next++
		// While the list is the newest, nobody has been removed from it.
		if s.list.Load() != l && en.sub != nil && en.sub.removed() {
			continue
		}
		en.fn(e)
	}
	return next
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
	return s.deliver(e)
}

// deliver is emit behind the middleware.
func (s *signal) deliver(e sig.Event) error {
	l, err := s.current()
	if err == nil && s.keep != nil {
		l, err = s.store(e)
	}
	if err != nil {
		return err
	}
	if x := l.extra; x != nil && x.fan != nil {
		err = x.fan.send(e)
	}
	s.run(l, 0, e)
	return err
}

// run calls the listeners of a list, from the one at an index on.
func (s *signal) run(l *list, from int, e sig.Event) {
	if x := l.extra; x != nil && x.gate != nil {
		x.gate.do(func() { s.callAll(l, from, e) })
		return
	}
	s.callAll(l, from, e)
}

func (s *signal) callAll(l *list, from int, e sig.Event) {
	for i := from; i < len(l.entries); {
		i = s.call(l, i, e)
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
	return l.size
}
