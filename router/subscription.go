package router

import (
	"maps"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/sig"
)

// A subscription is one listener's registration.
type subscription struct {
	*subject
	id       uint64 // ascending in the order of registration
	fn       sig.Listener
	place    place
	ext      *extension // nil for most
	state    atomic.Uint32
	waitable bool
}

// An extension is what few subscriptions have.
type extension struct {
	queue  queue        // between triggers and the function; nil for none
	remote remoteTarget // instead of a function
	first  *first       // retained values that are being handed over
	pulled bool         // the queue has no goroutine: Events calls consume
	// detached: no signal calls the listener, so it is not in the index, and has no
	// ring in common with others.
	detached bool
	gates    map[*gate]struct{} // inside of which a waitable listener may be called
	live     int                // how many gates there were, and some, after the last cleaning
	own      *gate              // the one of these for calls outside of triggers; nil for none yet
}

// States of a subscription.
const (
	stateRemoved = 1 << iota // no call may begin
	stateProbed              // the watchdog waits to see the next call begin
)

func (s *subscription) removed() bool { return s.state.Load()&stateRemoved != 0 }

// extend returns the extension, which is there from then on.
func (s *subscription) extend() *extension {
	if s.ext == nil {
		s.ext = &extension{}
	}
	return s.ext
}

func (s *subscription) queue() queue {
	if s.ext == nil {
		return nil
	}
	return s.ext.queue
}

// ring returns the ring that the listener reads, nil for none.
func (s *subscription) ring() *ring {
	if rd, ok := s.queue().(*reader); ok {
		return rd.ring
	}
	return nil
}

func (s *subscription) remote() remoteTarget {
	if s.ext == nil {
		return nil
	}
	return s.ext.remote
}

// plain reports whether the subscription is nothing but one entry of a list.
func (s *subscription) plain() bool {
	return s.ext == nil || s.ring() == nil && s.ext.remote == nil
}

// call is what goes into the entry of a subscription that has one of its own.
func (s *subscription) call() sig.Listener {
	if s.ext != nil {
		if b, ok := s.ext.queue.(*box); ok {
			return b.push
		}
		if f := s.ext.first; f != nil && !f.done.Load() {
			return f.hold
		}
	}
	return s.fn
}

// String says what is subscribed to, and where.
func (s *subscription) String() string {
	where := s.place.String()
	if t := s.remote(); t != nil {
		where = t.String()
	}
	return "listener " + where + " of " + strconv.Quote(s.event) + " of " + strconv.Quote(s.sender)
}

// AddListener calls fn with each event that matches: sender and event are names,
// patterns, or sig.Any. Neither need exist yet, and the listener stays when its sender
// goes. An event that a sender which is there does not declare is an error that matches
// sig.ErrNoEvent, because it is most often a slip.
//
// Without sig.Queue, fn runs in the goroutine of who triggers, before Trigger returns.
// It may do anything with the router. The same function added twice is called twice.
func (r *Router) AddListener(sender, event string, fn sig.Listener, opts ...sig.ListenOption) (sig.Subscription, error) {
	if fn == nil {
		return nil, sig.Errorf(sig.ErrInvalid, "no function to call for event %q of sender %q", event, sender)
	}
	var cfg sig.ListenConfig
	if len(opts) > 0 {
		cfg = sig.NewListenConfig(opts...)
	}
	var caller [1]uintptr
	runtime.Callers(2+cfg.Callers, caller[:])
	s := &subscription{fn: fn, place: place(caller[0])}
	if err := r.subscribe(s, sender, event, cfg, nil); err != nil {
		return nil, err
	}
	return s, nil
}

// subscribe adds s, which has its target. If ready is not nil it is called with the
// router's lock held, before any event can reach the subscription.
func (r *Router) subscribe(s *subscription, sender, event string, cfg sig.ListenConfig, ready func(*subscription)) error {
	s.mayWait(cfg)
	r.mu.Lock()
	j, err := r.target(sender, event, cfg.Below)
	if err != nil {
		r.mu.Unlock()
		return err
	}
	r.lastID++
	s.id = r.lastID
	j.join(s)
	if cfg.Queue > 0 && s.remote() == nil {
		r.enqueue(s, cfg)
	}
	if ready != nil {
		ready(s)
	}
	r.publish(s, cfg.SkipFirst)
	if j.watches() {
		r.watchers++
	}
	changed := r.listening(j, sig.Subscribe)
	r.mu.Unlock()
	s.start()
	r.announceAll(changed)
	return nil
}

// mayWait prepares for RemoveAndWait where the listener asks for it.
func (s *subscription) mayWait(cfg sig.ListenConfig) {
	if s.waitable = cfg.Waitable && cfg.Queue == 0 && s.remote() == nil; s.waitable {
		s.extend()
	}
}

// target returns the subject to subscribe to, which may be a new one, or why that
// cannot be. r.mu is held.
func (r *Router) target(sender, event string, below bool) (*subject, error) {
	if r.closed {
		return nil, sig.Errorf(sig.ErrShuttingDown, "cannot add a listener of event %q of sender %q: the router is closed", event, sender)
	}
	j := r.subject(sender, event, below)
	if j == nil {
		if err := sig.CheckPattern("sender", sender); err != nil {
			return nil, err
		}
		if err := sig.CheckPattern("event", event); err != nil {
			return nil, err
		}
		j = r.newSubject(sender, event, below)
	}
	if j.signal != nil || j.kind != normal {
		return j, nil
	}
	sd := r.senders.get(sender)
	if sd == nil || sig.IsBuiltin(event) || sig.IsPattern(event) || slices.ContainsFunc(sd.signals, func(sg *signal) bool { return j.matchesEvent(sg.name) }) {
		return j, nil
	}
	return nil, sd.noEvent(event)
}

// publish makes the triggers that start from now on call s. r.mu is held.
func (r *Router) publish(s *subscription, skipRetained bool) {
	if r.keepers > 0 {
		r.catchUp(s, skipRetained)
	}
	switch {
	case !s.exact:
		s.signals(true, r.drop)
	case s.signal != nil && s.signal.keep == nil:
		r.append(s.signal, s)
	}
}

// append adds an exact subscription to the list of its signal, or drops the list where
// more than the end of it changes. r.mu is held, and sg.keep.mu where the signal has it.
func (r *Router) append(sg *signal, s *subscription) {
	l := sg.list.Load()
	switch {
	case l == nil:
	case !s.plain() || s.waitable && !l.gated():
		r.drop(sg)
	default:
		if s.waitable {
			s.addGate(sg.gate)
		}
		sg.list.Store(l.with(s))
	}
}

// start begins what the subscription needs once it has been published: it hands over
// the retained values, or starts the goroutine of its queue.
func (s *subscription) start() {
	switch {
	case s.ext == nil:
	case s.ext.pulled:
	case s.ext.queue != nil:
		s.ext.queue.start()
	case s.ext.first != nil:
		s.ext.first.deliver()
	}
}

// unsubscribe is Remove. It reports whether s was still there.
func (r *Router) unsubscribe(s *subscription) bool {
	r.mu.Lock()
	if s.removed() {
		r.mu.Unlock()
		return false
	}
	s.state.Or(stateRemoved)
	if q := s.queue(); q != nil {
		r.dequeue(q)
	}
	var changed []string
	if s.ext == nil || !s.ext.detached {
		changed = r.leaveSubject(s)
	}
	r.mu.Unlock()
	r.announceAll(changed)
	return true
}

// leaveSubject takes a subscription out of its subject. It returns the names of the
// senders to announce. r.mu is held.
func (r *Router) leaveSubject(s *subscription) []string {
	r.retract(s)
	s.part(s)
	if s.watches() {
		r.watchers--
	}
	changed := r.listening(s.subject, sig.Unsubscribe)
	s.prune()
	return changed
}

// retract takes a subscription out of the lists that call it. r.mu is held.
func (r *Router) retract(s *subscription) {
	switch {
	case !s.exact:
		s.signals(true, r.drop)
	case s.signal == nil:
	case s.signal.list.Load() == nil || !s.plain():
		r.drop(s.signal)
	default:
		s.signal.list.Store(s.signal.list.Load().without(s))
	}
}

// Remove ends the subscription; see sig.Subscription.
func (s *subscription) Remove() { s.r.unsubscribe(s) }

// RemoveAndWait ends the subscription and waits for calls under way; see
// sig.Subscription. From inside a listener it does not wait for the calls that it is
// part of. A listener without a queue must have been added with sig.Waitable; of any
// other it is Remove.
func (s *subscription) RemoveAndWait() {
	s.Remove()
	q := s.queue()
	if q == nil && !s.waitable {
		return
	}
	me := s.r.blocking.me()
	if me != nil && me.reads != nil {
		// A trigger that waits for room in the caller's own queue may be what the caller
		// waits for.
		me.reads.lift(1)
		defer me.reads.lift(-1)
	}
	if q != nil {
		q.common().wait(me)
		return
	}
	s.r.mu.Lock()
	gates := slices.Collect(maps.Keys(s.ext.gates))
	s.r.mu.Unlock()
	for _, g := range gates {
		g.wait()
	}
}

// Dropped returns how many events the listener's policy has dropped.
func (s *subscription) Dropped() uint64 {
	if q := s.queue(); q != nil {
		return q.common().drops.Load()
	}
	return 0
}

// A place is where in the program something was added, for reports.
type place uintptr

// callerPlace returns the place that is so many calls above its caller's caller.
// AddListener does the same by itself, since every frame takes its time.
func callerPlace(above int) place {
	var pc [1]uintptr
	runtime.Callers(3+above, pc[:])
	return place(pc[0])
}

// String returns the place as file:line.
func (p place) String() string {
	f, _ := runtime.CallersFrames([]uintptr{uintptr(p)}).Next()
	if f.File == "" {
		return "unknown"
	}
	return f.File + ":" + strconv.Itoa(f.Line)
}
