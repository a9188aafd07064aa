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
	s := &subscription{r: r, sender: sender, event: event, fn: fn}
	s.place.set()
	if err := s.prepare(cfg); err != nil {
		return nil, err
	}
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

// Remove ends it: no call begins from now on.
func (d *detached) Remove() {
	r := d.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if d.removed() {
		return
	}
	d.state.Or(stateRemoved)
	if q := d.queue(); q != nil {
		r.dequeue(q)
	}
}

// RemoveAndWait also waits for a call under way.
func (d *detached) RemoveAndWait() {
	d.Remove()
	if q := d.queue(); q != nil {
		q.common().wait()
	}
	if d.waitable {
		d.ext.own.wait()
	}
}
