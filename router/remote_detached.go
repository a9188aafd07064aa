package router

import "github.com/sigrouter/sigrouter/sig"

// A detached listener is one that no signal of this Router calls: a ClientRouter calls
// it with what arrives from the server. It has everything else that a listener has, a
// queue if it asked for one, and panics that are reported.
type detached struct {
	*subscription
	deliver sig.Listener
}

// detach makes a detached listener and starts its queue.
func (r *Router) detach(sender, event string, fn sig.Listener, cfg sig.ListenConfig) (*detached, error) {
	if fn == nil {
		return nil, sig.Errorf(sig.ErrInvalid, "no function to call for event %q of sender %q", event, sender)
	}
	if err := sig.CheckPattern("sender", sender); err != nil {
		return nil, err
	}
	if err := sig.CheckPattern("event", event); err != nil {
		return nil, err
	}
	s := &subscription{fn: fn, place: callerPlace(1), subject: r.newSubject(sender, event, cfg.Below)}
	s.extend().detached = true
	s.mayWait(cfg)
	d := &detached{subscription: s}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, sig.Errorf(sig.ErrShuttingDown, "cannot add a listener of event %q of sender %q: the router is closed", event, sender)
	}
	r.lastID++
	s.id = r.lastID
	if cfg.Queue <= 0 {
		call := entry{s.gated(fn), s}
		d.deliver = func(e sig.Event) { r.callOne(call, e) }
		return d, nil
	}
	r.enqueue(s, cfg)
	d.deliver = s.call()
	if q := s.ring(); q != nil {
		d.deliver = q.writer(false)
	}
	s.ext.queue.start()
	return d, nil
}
