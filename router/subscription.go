package router

import (
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/sig"
)

// A subscription is one listener's registration.
type subscription struct {
	r        *Router
	id       uint64 // ascending in the order of registration
	sender   string
	event    string
	fn       sig.Listener
	leaf     *leaf
	place    place
	state    atomic.Uint32
	kind     kind
	below    bool
	exact    bool // names one event of one sender
	waitable bool
	ext      *extension // nil for most
}

// An extension is what few subscriptions have.
type extension struct {
	queue  queue              // between triggers and the function; nil for none
	remote remoteTarget       // instead of a function
	first  *first             // retained values that are being handed over
	pulled bool               // the queue has no goroutine: Events calls consume
	own    *gate              // of calls outside of triggers, for a waitable listener
	gates  map[*gate]struct{} // of the signals whose triggers may call a waitable listener
	live   int                // how many gates there were, and some, after the last cleaning
}

// States of a subscription.
const (
	stateRemoved = 1 << iota // no call may begin
	stateProbed              // the watchdog waits to see the next call begin
)

func (s *subscription) removed() bool     { return s.state.Load()&stateRemoved != 0 }
func (s *subscription) belowSender() bool { return s.below && s.event == sig.Any }
func (s *subscription) belowEvent() bool  { return s.below && s.event != sig.Any }

// watches reports whether the listener wants to know of listeners.
func (s *subscription) watches() bool { return s.event == sig.Subscribe || s.event == sig.Unsubscribe }

func (s *subscription) matchesEvent(name string) bool {
	switch {
	case s.event == name || s.event == sig.Any:
		return true
	case s.below:
		return sig.MatchBelow(s.event, name)
	}
	return sig.Match(s.event, name)
}

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
	return !s.waitable && (s.ext == nil || s.ring() == nil && s.ext.remote == nil)
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
	s := &subscription{r: r, sender: sender, event: event, fn: fn}
	s.place.set()
	var cfg sig.ListenConfig
	if len(opts) > 0 {
		cfg = sig.NewListenConfig(opts...)
	}
	if err := r.subscribe(s, cfg, nil); err != nil {
		return nil, err
	}
	return s, nil
}

// subscribe adds s, whose names and target are set. If ready is not nil it is called
// with the router's lock held, before any event can reach the subscription.
func (r *Router) subscribe(s *subscription, cfg sig.ListenConfig, ready func(*subscription)) error {
	if err := s.prepare(cfg); err != nil {
		return err
	}
	r.mu.Lock()
	if err := r.mayListen(s); err != nil {
		r.mu.Unlock()
		return err
	}
	r.lastID++
	s.id = r.lastID
	if cfg.Queue > 0 && s.remote() == nil {
		r.enqueue(s, cfg)
	}
	r.subs.add(s)
	if ready != nil {
		ready(s)
	}
	r.publish(s, cfg.SkipFirst)
	if s.watches() {
		r.watchers++
	}
	changed := r.listening(s, sig.Subscribe)
	r.mu.Unlock()
	s.start()
	r.announceAll(changed)
	return nil
}

// prepare checks and completes what AddListener was given.
func (s *subscription) prepare(cfg sig.ListenConfig) error {
	if err := sig.CheckPattern("sender", s.sender); err != nil {
		return err
	}
	if err := sig.CheckPattern("event", s.event); err != nil {
		return err
	}
	s.kind = kindOf(s.sender, s.event)
	s.below = cfg.Below && s.kind != routerBroadcast
	s.exact = s.kind == normal && !s.below && !sig.IsPattern(s.sender) && !sig.IsPattern(s.event)
	if s.waitable = cfg.Waitable && cfg.Queue == 0 && s.remote() == nil; s.waitable {
		s.extend().own = newGate()
	}
	return nil
}

// mayListen reports why the subscription cannot be added. r.mu is held.
func (r *Router) mayListen(s *subscription) error {
	if r.closed {
		return sig.Errorf(sig.ErrShuttingDown, "cannot add a listener of event %q of sender %q: the router is closed", s.event, s.sender)
	}
	if s.event == sig.Any || sig.IsBuiltin(s.event) || sig.IsPattern(s.event) {
		return nil
	}
	sd := r.senders.get(s.sender)
	if sd == nil || slices.ContainsFunc(sd.signals, func(sg *signal) bool { return s.matchesEvent(sg.name) }) {
		return nil
	}
	return sd.noEvent(s.event)
}

// publish makes the triggers that start from now on call s. r.mu is held.
func (r *Router) publish(s *subscription, skipRetained bool) {
	if r.keepers > 0 {
		r.catchUp(s, skipRetained)
	}
	if !s.exact {
		r.signalsOf(s, true, r.drop)
	} else if sg := r.signal(s.sender, s.event); sg != nil && sg.keep == nil {
		r.append(sg, s)
	}
}

// append adds an exact subscription to the list of its signal, or drops the list where
// more than the end of it changes. r.mu is held, and sg.keep.mu where the signal has it.
func (r *Router) append(sg *signal, s *subscription) {
	l := sg.list.Load()
	switch {
	case l == nil:
	case s.plain():
		sg.list.Store(l.with(s))
	default:
		r.drop(sg)
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
	r.subs.remove(s)
	r.retract(s)
	if s.watches() {
		r.watchers--
	}
	changed := r.listening(s, sig.Unsubscribe)
	if q := s.queue(); q != nil {
		r.dequeue(q)
	}
	r.mu.Unlock()
	r.announceAll(changed)
	return true
}

// retract takes a subscription out of the lists that call it. r.mu is held.
func (r *Router) retract(s *subscription) {
	if !s.exact {
		r.signalsOf(s, true, r.drop)
		return
	}
	sg := r.signal(s.sender, s.event)
	if sg == nil {
		return
	}
	if l := sg.list.Load(); l == nil || !s.plain() {
		r.drop(sg)
	} else {
		sg.list.Store(l.without(s))
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
	if q := s.queue(); q != nil {
		q.common().wait()
	}
	if !s.waitable {
		return
	}
	s.r.mu.Lock()
	gates := maps.Clone(s.ext.gates)
	s.r.mu.Unlock()
	s.ext.own.wait()
	for g := range gates {
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
type place [2]uintptr

// set notes who called the caller of set.
func (p *place) set() { runtime.Callers(3, p[:]) }

// String returns the place as file:line. It looks through functions of package sig
// that add listeners for their callers.
func (p *place) String() string {
	frames := runtime.CallersFrames(p[:])
	for {
		f, more := frames.Next()
		switch {
		case f.File == "":
			return "unknown"
		case !more, !strings.HasPrefix(f.Function, "github.com/sigrouter/sigrouter/sig."):
			return f.File + ":" + strconv.Itoa(f.Line)
		}
	}
}
