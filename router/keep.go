package router

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/sig"
)

// A keep holds the last value of a retained event.
//
// Its lock makes two pairs of steps one each: a trigger stores its value and takes the
// list; a new listener reads the value and changes the list. So a listener gets every
// value either as the retained one or by a trigger, never both and never neither.
type keep struct {
	mu     sync.Mutex
	origin sig.Origin // of the retained value
	value  any
	has    bool
}

// store keeps the value of an event, and returns the list it is to be delivered to.
func (s *signal) store(e sig.Event) (*list, error) {
	for {
		l, err := s.current()
		if err != nil {
			return nil, err
		}
		s.keep.mu.Lock()
		newest := s.list.Load() == l
		if newest {
			s.keep.value, s.keep.has = e.Data, true
		}
		s.keep.mu.Unlock()
		if newest {
			return l, nil
		}
	}
}

// catchUp makes the triggers of the retained events that s matches call it from now
// on, after it has been given the values kept of them, sorted by sender and event. r.mu
// is held.
func (r *Router) catchUp(s *subscription, skip bool) {
	var missed []sig.Event
	s.signals(false, func(sg *signal) {
		k := sg.keep
		if k == nil {
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.has && !skip {
			missed = append(missed, sig.Event{Origin: &k.origin, Data: k.value})
		}
		if !s.exact {
			r.drop(sg) // no trigger has a new list before r.mu is free
			return
		}
		s.expect(missed)
		r.append(sg, s)
	})
	if s.exact {
		return
	}
	slices.SortFunc(missed, func(a, b sig.Event) int {
		return cmp.Or(cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.Name, b.Name))
	})
	s.expect(missed)
}

// expect puts retained values before everything else that s will get.
func (s *subscription) expect(missed []sig.Event) {
	if len(missed) == 0 {
		return
	}
	x := s.extend()
	switch {
	case x.queue != nil:
		x.queue.expect(missed)
	case x.remote == nil:
		x.first = &first{sub: s, call: entry{s.gated(s.fn), s}, held: missed}
	case s.r.sendRetained != nil:
		for _, e := range missed {
			s.r.sendRetained(s, e)
		}
	}
}

// maxHeld is how many events may wait for a listener that is being given retained
// values. The triggers of more wait with them.
const maxHeld = 1024

// A first hands the retained values to a new listener before anything newer. A trigger
// that comes meanwhile leaves its event to the goroutine that is at it.
type first struct {
	sub  *subscription
	call entry       // as made by the goroutine that hands over
	done atomic.Bool // triggers call the listener themselves

	mu     sync.Mutex
	held   []sig.Event
	worker uint64     // the goroutine that hands over
	room   *sync.Cond // nil until a trigger waits
}

// hold is called by triggers in place of the listener.
func (f *first) hold(e sig.Event) {
	if f.done.Load() || !f.keepBack(e) {
		f.sub.fn(e)
	}
}

// keepBack leaves an event to the goroutine that hands over. It reports false when
// that has finished.
func (f *first) keepBack(e sig.Event) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.held) >= maxHeld && f.worker != goroutineID() {
		if f.room == nil {
			f.room = sync.NewCond(&f.mu)
		}
		for len(f.held) >= maxHeld {
			f.room.Wait()
		}
	}
	if f.done.Load() {
		return false
	}
	f.held = append(f.held, e)
	return true
}

// deliver hands over what is held until nothing is left.
func (f *first) deliver() {
	f.mu.Lock()
	f.worker = goroutineID()
	f.mu.Unlock()
	defer func() {
		if !f.done.Load() { // the listener ended the goroutine with runtime.Goexit
			f.deliver()
		}
	}()
	for {
		e, ok := f.take()
		if !ok {
			return
		}
		if !f.sub.removed() {
			f.sub.r.callOne(f.call, e)
		}
	}
}

// take returns the event that has been held longest. When there is none, triggers call
// the listener themselves from then on.
func (f *first) take() (e sig.Event, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.room != nil {
		f.room.Broadcast()
	}
	if len(f.held) == 0 {
		f.done.Store(true)
		return sig.Event{}, false
	}
	e, f.held = f.held[0], f.held[1:]
	return e, true
}
