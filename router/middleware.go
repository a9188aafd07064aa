package router

import (
	"slices"

	"github.com/sigrouter/sigrouter/sig"
)

// A Middleware stands between a trigger and its listeners. It returns a listener that
// is called with each event and passes it on with next: as it is, changed, several
// times or not at all. To change an event make another, with an Origin of its own
// where that differs; the Origin that came in is shared by all events of its signal.
//
// It is called for each signal it matches, when that is first triggered, and again
// when the router's middleware have changed. The returned listener runs in the
// goroutine of who triggers, and from several at once. When it panics, that is reported
// and the event goes no further.
type Middleware func(next sig.Listener) sig.Listener

// Use puts a middleware before the listeners of all events that match: sender and
// event are names, patterns, or sig.Any, as for AddListener. What was added first is
// the outermost. It applies from the next Trigger on, until remove is called.
//
// Retained values are kept as the middleware has left them. Signals that no middleware
// matches are triggered as fast as if there were none.
func (r *Router) Use(sender, event string, m Middleware) (remove func(), err error) {
	if err := sig.CheckPattern("sender", sender); err != nil {
		return nil, err
	}
	if err := sig.CheckPattern("event", event); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, sig.Errorf(sig.ErrInvalid, "no middleware for event %q of sender %q", event, sender)
	}
	u := &use{sender, event, m}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, sig.Errorf(sig.ErrShuttingDown, "cannot add a middleware: the router is closed")
	}
	r.setUses(append(r.uses, u))
	return func() { r.unuse(u) }, nil
}

// A use is a middleware and what it is for.
type use struct {
	sender, event string
	middleware    Middleware
}

func (r *Router) unuse(u *use) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.uses, u); i >= 0 {
		r.setUses(slices.Delete(r.uses, i, i+1))
	}
}

// setUses sets the router's middleware, and drops every list. r.mu is held.
func (r *Router) setUses(uses []*use) {
	r.uses = uses
	r.usesVersion++
	for _, s := range slices.Backward(r.built.all) {
		r.drop(s)
	}
}

// matches follows the rule of listeners: #subscribe and #unsubscribe must be named.
func (u *use) matches(o *sig.Origin) bool {
	if o.Name == sig.Subscribe || o.Name == sig.Unsubscribe {
		return u.event == o.Name && sig.Match(u.sender, o.Sender)
	}
	return sig.Match(u.sender, o.Sender) && sig.Match(u.event, o.Name)
}

// usesOf returns the middleware of an event, outermost first. r.mu is held.
func (r *Router) usesOf(o *sig.Origin) []*use {
	var uses []*use
	for _, u := range r.uses {
		if u.matches(o) {
			uses = append(uses, u)
		}
	}
	return uses
}

// A chain is what the middleware of a signal have made of its delivery.
type chain struct {
	version uint64 // of the router's middleware
	fn      sig.Listener
}

// chained builds a chain around a listener. It calls the program's code, so no lock
// may be held.
func chained(uses []*use, last sig.Listener) sig.Listener {
	fn := last
	for _, u := range slices.Backward(uses) {
		fn = u.middleware(fn)
	}
	return fn
}

// through hands an event to the middleware of its signal. They are asked for a chain
// when there is none yet, and when the router's middleware have changed.
func (s *signal) through(x *extra, e sig.Event) {
	c := s.chain.Load()
	if c == nil || c.version != x.version {
		next := &chain{x.version, chained(x.uses, func(e sig.Event) {
			// It fails only when the sender went while the event was on its way.
			if l, err := s.current(); err == nil {
				_ = s.deliver(l, e)
			}
		})}
		s.chain.CompareAndSwap(c, next)
		c = next
	}
	c.fn(e)
}

// wrap puts the calls of a notice behind the middleware of its event. r.mu is held.
func (r *Router) wrap(o *sig.Origin, entries []entry) []entry {
	uses := r.usesOf(o)
	if len(uses) == 0 {
		return entries
	}
	return []entry{{fn: func(e sig.Event) {
		chained(uses, func(e sig.Event) {
			for _, en := range entries {
				if !en.gone() {
					r.callOne(en, e)
				}
			}
		})(e)
	}}}
}
