package router

import (
	"github.com/sigrouter/sigrouter/sig"
)

// A notice is one built-in event on its way to its listeners.
//
// Notices of one sender name are delivered one after the other, in the order of what
// they tell of, and never with the router's lock held. Whoever causes one delivers it,
// unless another goroutine is at it already: that one goes on with what has come since.
type notice struct {
	event     sig.Event
	entries   []entry
	next      int           // index of the next call
	delivered chan struct{} // closed after the last call
}

// A notices queue belongs to one sender name while there is something to deliver.
type notices struct {
	waiting []*notice
	busy    bool // a goroutine is delivering
}

// notify queues a built-in event for those who listen to it. It returns nil when
// nobody does. r.mu is held; announce delivers.
func (r *Router) notify(sender, event string, data any) *notice {
	r.insp.Load().notice(sender, event, data)
	subs := r.matching(sender, event)
	if len(subs) == 0 && len(r.uses) == 0 {
		return nil
	}
	n := &notice{event: sig.Event{Origin: &sig.Origin{Sender: sender, Name: event}, Data: data}}
	_, entries := r.entries(n.event.Origin, subs, nil, true)
	if n.entries = r.wrap(n.event.Origin, entries); len(n.entries) == 0 {
		return nil
	}
	r.enqueueNotice(sender, n)
	return n
}

func (r *Router) enqueueNotice(sender string, n *notice) {
	n.delivered = make(chan struct{})
	q := r.notices[sender]
	if q == nil {
		q = &notices{}
		r.notices[sender] = q
	}
	q.waiting = append(q.waiting, n)
}

// notifyConnect queues #connect. Where nobody listens to it but the #disconnect of the
// name's last holder is still being delivered, what it returns stands for the end of that.
func (r *Router) notifyConnect(s *sender) *notice {
	n := r.notify(s.name, sig.Connect, s.decl)
	if n == nil && r.notices[s.name] != nil {
		n = &notice{}
		r.enqueueNotice(s.name, n)
	}
	return n
}

// notifyCount queues #subscribe or #unsubscribe for a signal that has at least that
// many listeners. It reports whether anybody listens to it. r.mu is held.
func (r *Router) notifyCount(s *signal, event string, least int) bool {
	if r.watchers == 0 || r.count(s.sender.name, event) == 0 {
		return false
	}
	n := r.count(s.sender.name, s.name)
	if n < least {
		return false
	}
	return r.notify(s.sender.name, event, sig.Listening{Event: s.name, Listeners: n}) != nil
}

// listening queues #subscribe or #unsubscribe for each signal that a listener of the
// subject has come to or left. It returns the names of the senders to announce. r.mu is held.
func (r *Router) listening(j *subject, event string) []string {
	if r.watchers == 0 {
		return nil
	}
	var senders []string
	j.signals(false, func(sg *signal) {
		if r.notifyCount(sg, event, 0) {
			senders = append(senders, sg.sender.name)
		}
	})
	return senders
}

func (r *Router) announceAll(senders []string) {
	for _, name := range senders {
		r.announce(name, nil)
	}
}

// announce delivers the notices of a sender name, or leaves them to the goroutine that
// is delivering some. If until is not nil it returns only when that one has been
// delivered.
func (r *Router) announce(sender string, until *notice) {
	r.mu.Lock()
	q := r.notices[sender]
	if q == nil {
		r.mu.Unlock()
		return
	}
	if q.busy {
		r.mu.Unlock()
		switch {
		case until == nil:
		case onStack("(*Router).deliver"):
			// A listener that is being notified has added this very name again. What is
			// before its #connect goes first, from here.
			r.deliver(q, sender, until)
		default:
			<-until.delivered
		}
		return
	}
	q.busy = true
	r.mu.Unlock()
	r.deliver(q, sender, nil)
}

// deliver makes the calls of a queue until it is empty, or until one notice is done.
func (r *Router) deliver(q *notices, sender string, until *notice) {
	done := false
	defer func() {
		if !done { // a listener ended the goroutine with runtime.Goexit
			r.deliver(q, sender, until)
		}
	}()
	for !done {
		if done = !r.deliverOne(q, sender, until); done {
			return
		}
	}
}

// deliverOne makes the next call. It reports whether there is more to do.
func (r *Router) deliverOne(q *notices, sender string, until *notice) bool {
	r.mu.Lock()
	for len(q.waiting) > 0 && q.waiting[0].next == len(q.waiting[0].entries) {
		n := q.waiting[0]
		q.waiting = q.waiting[1:]
		close(n.delivered)
	}
	if len(q.waiting) == 0 && r.notices[sender] == q {
		delete(r.notices, sender)
	}
	if len(q.waiting) == 0 || until != nil && isClosed(until.delivered) {
		r.mu.Unlock()
		return false
	}
	n := q.waiting[0]
	en := n.entries[n.next]
	n.next++
	r.mu.Unlock()
	if !en.gone() {
		r.callOne(en, n.event)
	}
	return true
}

// callOne makes one call and reports its panic.
func (r *Router) callOne(en entry, e sig.Event) {
	defer func() {
		if v := recover(); v != nil {
			r.caught(v, e, en.sub)
		}
	}()
	en.fn(e)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
