package router

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// An inspector knows what passes a router: it is there from the first call of Inspect,
// Watch or History on, and ends with the router.
//
// Once a second it looks at what was counted, in the goroutine that it has for it. Locks
// are taken in this order: Router.mu, inspector.mu, those of meters and tails.
type inspector struct {
	r   *Router
	srv *ServerRouter // nil when the router has no peers

	window atomic.Uint32 // number of the tick; budgets are renewed with it
	clock  atomic.Int64  // time of the tick, nanoseconds since 1970
	keeps  atomic.Int64  // values that may still be kept in this window
	kept   atomic.Int64  // bytes of values that are kept

	notices atomic.Pointer[[]*tail] // all tails; nil for none

	poke  chan struct{} // capacity 1: a budget is spent
	stop  chan struct{}
	ended chan struct{}

	hot   sync.Mutex // guards what follows
	taps  []*meter   // whose budgets are spent
	calls []spentCall

	mu        sync.Mutex // guards everything below
	started   time.Time
	build     string // version of this module
	epoch     string // tells this inspector from the one of another run
	version   uint64 // goes up with each change
	nextID    uint64
	meters    map[uint64]*meter // by their ids
	senders   map[*sender]*senderMeter
	peers     map[uint64]*peerMeter
	carriers  map[string]*CarrierStatus // by name; what peers that have gone did
	gone      []tombstone
	forgot    uint64 // version of the newest tombstone that was forgotten
	tails     map[string]*tail
	times     [rateSeconds + 1]time.Time // of the last ticks, by their number
	tick      uint64
	past      totals // of senders and peers that have gone
	samples   []Sample
	oldest    int
	previous  totals // at the last tick
	recounted uint64 // changes of subscriptions as of the last count of listeners
	callsBy   map[callName]*callMeter
	missed    []Missed
}

// A senderMeter is what the inspector notes of a sender.
type senderMeter struct {
	id    uint64
	born  uint64 // version
	since time.Time
}

// A tombstone says that something has gone.
type tombstone struct {
	version uint64
	kind    goneKind
	id      uint64
}

type goneKind uint8

const (
	goneSignal goneKind = iota
	goneSender
	gonePeer
)

const (
	historySeconds = 120
	tombstones     = 8192
	slowTick       = time.Second
	fastTick       = 100 * time.Millisecond // while budgets are spent before their window ends
)

// inspect returns the router's inspector, which is there from then on. It returns nil
// when the router is closed and had none.
func (r *Router) inspect() *inspector {
	r.mu.Lock()
	defer r.mu.Unlock()
	if in := r.insp.Load(); in != nil || r.closed {
		return in
	}
	in := &inspector{
		r: r, srv: r.server, started: time.Now(), build: buildVersion(), epoch: randomID(8),
		poke: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{}),
		meters: map[uint64]*meter{}, senders: map[*sender]*senderMeter{}, peers: map[uint64]*peerMeter{},
		carriers: map[string]*CarrierStatus{}, tails: map[string]*tail{}, callsBy: map[callName]*callMeter{},
	}
	in.mu.Lock()
	in.begin(in.started)
	in.mu.Unlock()
	r.insp.Store(in)
	for s := range r.senders.all() {
		in.addSender(s)
	}
	for _, s := range slices.Backward(r.built.all) {
		r.drop(s) // the next list of each is a tapped one
	}
	go in.run()
	return in
}

// end ends the inspector when the router closes.
func (in *inspector) end() {
	if in != nil {
		close(in.stop)
		<-in.ended
	}
}

// run is the inspector's goroutine.
func (in *inspector) run() {
	defer close(in.ended)
	next := in.started.Add(slowTick)
	timer := time.NewTimer(slowTick)
	defer timer.Stop()
	fast := false // the timer was set to come early
	for {
		select {
		case <-in.stop:
			return
		case <-in.poke:
			if !fast {
				fast = true
				timer.Reset(min(fastTick, time.Until(next)))
			}
			continue
		case <-timer.C:
			fast = false
		}
		now := time.Now()
		if !now.Before(next) {
			in.look(now)
			if next = next.Add(slowTick); next.Before(now) {
				next = now.Add(slowTick)
			}
		}
		in.renew(now)
		timer.Reset(time.Until(next))
	}
}

// begin opens a window. in.mu is held.
func (in *inspector) begin(now time.Time) {
	in.tick++
	in.times[in.tick%uint64(len(in.times))] = now
	in.window.Add(1)
	in.clock.Store(now.UnixNano())
	in.keeps.Store(keepAll)
}

// look is what happens once a second.
func (in *inspector) look(now time.Time) {
	in.recount()
	in.mu.Lock()
	defer in.mu.Unlock()
	in.begin(now)
	in.lookAtSignals()
	in.lookAtPeers()
	in.sample(now)
	in.endTails(now)
}

// lookAtSignals brings the rates of signals up to date.
func (in *inspector) lookAtSignals() {
	for _, m := range in.meters {
		n, _ := m.total()
		before := m.perSecond
		m.perSecond = m.rate.next(in.tick, n, &in.times)
		listeners := m.listeners.Load()
		if n != m.seen || m.perSecond != before || listeners != m.shownAs {
			m.seen, m.shownAs = n, listeners
			in.version++
			m.version = in.version
		}
	}
	for _, c := range in.callsBy {
		c.perSecond = c.rate.next(in.tick, c.count(), &in.times)
	}
}

// spent notes that a signal's budget is spent. Its triggers are not counted until renew.
func (in *inspector) spent(m *meter) {
	in.hot.Lock()
	in.taps = append(in.taps, m)
	in.hot.Unlock()
	in.wake()
}

// A spentCall is a method whose requests are not counted until renew.
type spentCall struct {
	method *method
	meter  *callMeter
}

// callsSpent is spent for a method.
func (in *inspector) callsSpent(c spentCall) {
	in.hot.Lock()
	in.calls = append(in.calls, c)
	in.hot.Unlock()
	in.wake()
}

func (in *inspector) wake() {
	select {
	case in.poke <- struct{}{}:
	default:
	}
}

// renew lets what was spent be counted again.
func (in *inspector) renew(now time.Time) {
	in.hot.Lock()
	taps, calls := in.taps, in.calls
	in.taps, in.calls = nil, nil
	in.hot.Unlock()
	for _, m := range taps {
		m.mu.Lock()
		m.guessed += m.budget.renew(now)
		m.mu.Unlock()
		in.r.tapAgain(m.signal)
	}
	for _, c := range calls {
		c.meter.renew(now)
		c.method.watch.Store(c.meter)
	}
}

// tapAgain makes the triggers of a signal be counted, if they take the shortest way.
func (r *Router) tapAgain(s *signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := s.list.Load(); l != nil {
		s.list.Store(l.tapped())
	}
}

// addSender begins to count what a sender does. r.mu is held.
func (in *inspector) addSender(s *sender) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.nextID++
	in.version++
	in.senders[s] = &senderMeter{id: in.nextID, born: in.version, since: time.Now()}
	for _, sg := range s.signals {
		in.nextID++
		in.version++
		m := &meter{insp: in, signal: sg, id: in.nextID, born: in.version, version: in.version}
		m.rate.begin(in.tick, 0)
		m.countListeners()
		in.meters[m.id] = m
		in.setTails(m)
		sg.meter.Store(m)
	}
	in.watchCalls(s)
}

// dropSender ends it. r.mu is held.
func (in *inspector) dropSender(s *sender) {
	in.mu.Lock()
	defer in.mu.Unlock()
	sm := in.senders[s]
	if sm == nil {
		return
	}
	delete(in.senders, s)
	in.bury(goneSender, sm.id)
	for _, sg := range s.signals {
		m := sg.meter.Load()
		n, _ := m.total()
		in.past.events += n
		in.bury(goneSignal, m.id)
		delete(in.meters, m.id)
		m.mu.Lock()
		m.forget()
		m.mu.Unlock()
	}
}

// bury notes that something has gone.
func (in *inspector) bury(kind goneKind, id uint64) {
	in.version++
	in.gone = append(in.gone, tombstone{in.version, kind, id})
	if len(in.gone) > 2*tombstones {
		in.forgot = in.gone[len(in.gone)-tombstones-1].version
		in.gone = slices.Clone(in.gone[len(in.gone)-tombstones:])
	}
}
