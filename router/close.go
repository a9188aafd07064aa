package router

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// Close ends the router. It removes the senders, with #disconnect for each; ends the
// contexts of requests under way; lets queued listeners work off what waits for them,
// at most for Options.DrainTimeout; and returns when their goroutines have ended, those
// of queued listeners that were removed too. From then on nothing can be added, triggered or requested: that fails with an error that
// matches sig.ErrShuttingDown.
//
// The error names the listeners that did not end in time. Their goroutines stay until
// the call they are in returns. Closing again does nothing.
func (r *Router) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	r.isClosed.Store(true)
	senders := slices.Collect(r.senders.all())
	r.mu.Unlock()
	slices.SortFunc(senders, func(a, b *sender) int { return strings.Compare(a.name, b.name) })
	for _, s := range senders {
		s.remove("the router was closed")
	}
	r.cancel()
	r.insp.Load().end()
	return r.drain(time.After(max(0, r.options.drainTimeout())))
}

// drain ends the queues and waits for them, for those removed earlier and for handlers.
func (r *Router) drain(timeout <-chan time.Time) error {
	r.mu.Lock()
	var queues []queue
	for q := range r.queues {
		queues = append(queues, q)
	}
	leaving := slices.Collect(maps.Keys(r.leaving))
	var handlers []*asked
	for a := range r.handlers {
		handlers = append(handlers, a)
		a.cancel()
	}
	r.mu.Unlock()
	slices.SortFunc(leaving, func(a, b *worker) int { return byID(a.sub, b.sub) })
	slices.SortFunc(queues, func(a, b queue) int { return byID(a.common().sub, b.common().sub) })
	for _, q := range queues {
		q.finish()
	}
	var late []string
	me := goroutineID()
	for _, w := range leaving {
		if w.goroutine.Load() != me && !ends(w.ended, timeout, &timeout) && w.sub.queue().busy() {
			late = append(late, fmt.Sprintf("%s, which was removed", w.sub))
		}
	}
	for _, q := range queues {
		// A loop over Events ends by itself, when its body returns.
		if w := q.common(); !w.sub.ext.pulled && w.goroutine.Load() != me && !ends(w.ended, timeout, &timeout) {
			late = append(late, r.giveUp(q))
		}
	}
	if onStack("(*asked).run") {
		handlers = nil // it would be waiting for itself
	}
	for _, a := range handlers {
		if !ends(a.ended, timeout, &timeout) {
			late = append(late, fmt.Sprintf("handler of %q of %q", a.method.call.Method, a.method.call.Sender))
		}
	}
	r.mu.Lock()
	r.unwatch()
	r.mu.Unlock()
	if len(late) == 0 {
		return nil
	}
	return sig.Errorf(sig.ErrTimeout, "the router closed with calls under way: %s", strings.Join(late, "; "))
}

// ends waits for a goroutine, or for the timeout, which then has passed for the next
// ones too.
func ends(ended <-chan struct{}, timeout <-chan time.Time, next *<-chan time.Time) bool {
	if isClosed(ended) {
		return true
	}
	select {
	case <-ended:
		return true
	case <-timeout:
		passed := make(chan time.Time)
		close(passed)
		*next = passed
		return false
	}
}

// giveUp ends a queue at once. What waited in it counts as dropped.
func (r *Router) giveUp(q queue) string {
	s := q.common().sub
	q.common().givenUp.Store(true)
	r.unsubscribe(s)
	r.log.Warn("a queued listener did not end when the router was closed", "listener", s.place.String(),
		"sender", s.sender, "event", s.event, "dropped", s.Dropped())
	return fmt.Sprintf("%s, %d events dropped", s, s.Dropped())
}
