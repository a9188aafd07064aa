package router

import "time"

// A watchdog names the queued listeners whose calls last too long. It costs the calls
// nothing: it asks a listener's goroutine, by a flag that this looks at before each
// call, to show that it goes on.
type watchdog struct {
	r     *Router
	after time.Duration
	stop  chan struct{}
	asked map[queue]time.Time // when the flag was set; zero once reported
}

// watch starts the watchdog if it is wanted and not there. r.mu is held.
func (r *Router) watch() {
	after := r.options.slowAfter()
	if r.watchdog != nil || after < 0 {
		return
	}
	w := &watchdog{r: r, after: after, stop: make(chan struct{}), asked: map[queue]time.Time{}}
	r.watchdog = w
	go w.run() // ends with the last queue, and with Close
}

// unwatch ends the watchdog. r.mu is held.
func (r *Router) unwatch() {
	if r.watchdog != nil {
		close(r.watchdog.stop)
		r.watchdog = nil
	}
}

func (w *watchdog) run() {
	ticker := time.NewTicker(max(w.after/2, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-w.stop:
			return
		case now := <-ticker.C:
			for _, s := range w.look(now) {
				w.r.log.Warn("a queued listener has been in one call for long", "listener", s.place.String(),
					"sender", s.sender, "event", s.event, "after", w.after)
			}
		}
	}
}

// look asks the goroutines that are busy, and returns the listeners that have been
// asked long ago and have not begun another call since.
func (w *watchdog) look(now time.Time) (slow []*subscription) {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	for q := range w.asked {
		if _, there := w.r.queues[q]; !there {
			delete(w.asked, q)
		}
	}
	for q := range w.r.queues {
		s := q.common().sub
		since, asked := w.asked[q]
		switch {
		case !q.busy():
			delete(w.asked, q)
		case !asked || s.state.Load()&stateProbed == 0:
			w.asked[q] = now
			s.state.Or(stateProbed)
		case !since.IsZero() && now.Sub(since) >= w.after:
			w.asked[q] = time.Time{}
			slow = append(slow, s)
		}
	}
	return slow
}
