package router

import (
	"cmp"
	"context"
	"iter"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// Inspect returns what the router knows of itself. It is meant to be called every now and
// then: with ten thousand signals it takes some milliseconds, none of which hold up a
// trigger.
//
// From the first call on the router counts events and keeps their last values, which costs
// a trigger or a routed event less than 3 % and up to 40 MiB of memory. Values of this
// process that are not of a basic type are encoded as JSON for it, a few a second, in the
// goroutine that triggers.
func (r *Router) Inspect() Snapshot {
	in := r.inspect()
	if in == nil {
		return Snapshot{Router: Status{Now: time.Now()}}
	}
	in.recount()
	s := Snapshot{Listeners: r.listeners()}
	in.mu.Lock()
	now := time.Now()
	s.Peers = in.peerList()
	s.Senders = in.senderList()
	s.Signals = in.signalList()
	s.Methods, s.Calls = in.callLists(now)
	s.Missed = slices.Clone(in.missed)
	s.Router = in.status(now, in.totals())
	s.Carriers = in.carrierList()
	in.mu.Unlock()
	s.sort()
	s.Router.Listeners = len(s.Listeners)
	s.Links = r.links()
	return s
}

// Watch yields a snapshot at once and then one each interval, at least a tenth of a second,
// until ctx ends or the loop is left.
func (r *Router) Watch(ctx context.Context, interval time.Duration) iter.Seq[Snapshot] {
	return func(yield func(Snapshot) bool) {
		t := time.NewTicker(max(interval, 100*time.Millisecond))
		defer t.Stop()
		for ctx.Err() == nil && yield(r.Inspect()) {
			select {
			case <-t.C:
			case <-ctx.Done():
			case <-r.ctx.Done():
				return
			}
		}
	}
}

// History returns the last two minutes, a sample a second, oldest first. It begins when
// the router is inspected for the first time.
func (r *Router) History() []Sample {
	in := r.inspect()
	if in == nil {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Concat(in.samples[in.oldest:], in.samples[:in.oldest])
}

// Status returns the part of Inspect that tells of the router as a whole.
func (r *Router) Status() Status {
	in := r.inspect()
	if in == nil {
		return Status{Now: time.Now()}
	}
	listeners := r.listenerCount()
	in.mu.Lock()
	defer in.mu.Unlock()
	st := in.status(time.Now(), in.totals())
	st.Listeners = listeners
	return st
}

func (r *Router) listenerCount() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.subs.size
}

// status tells of the router as a whole, without its listeners. in.mu is held.
func (in *inspector) status(now time.Time, t totals) Status {
	slow, _ := in.pressure()
	st := Status{
		Name: "router", Version: in.build, Epoch: in.epoch, Now: now, Started: in.started, Uptime: now.Sub(in.started),
		Peers: len(in.peers), Slow: slow, Senders: len(in.senders), Signals: len(in.meters),
		Events: t.events, Sent: t.sent, Dropped: t.drops, DroppedBy: in.droppedBy(t.dropped), Requests: t.requests, Failed: t.failed,
		BytesIn: t.bytesIn, BytesOut: t.bytesOut,
		KeptBytes: in.kept.Load(), Goroutines: runtime.NumGoroutine(), Heap: heapInUse(),
	}
	if s := in.srv; s != nil {
		st.Name, st.Limits = s.opts.Name, *s.engine.Limits()
		st.Unencodable, st.TurnedAway, st.QueuedBytes = s.badEnc.Load(), s.engine.Refused(), s.engine.Queued()
		s.mu.Lock()
		st.Away = len(s.away)
		s.mu.Unlock()
	}
	return st
}

// totals adds up what was counted since the inspection began. in.mu is held.
func (in *inspector) totals() totals {
	t := in.past
	for _, m := range in.meters {
		n, _ := m.total()
		t.events += n
	}
	for _, c := range in.callsBy {
		c.mu.Lock()
		t.requests += c.n + c.guessed
		t.failed += c.failed
		c.mu.Unlock()
	}
	for _, n := range in.droppedBy(t.dropped) {
		t.drops += n
	}
	for _, pm := range in.peers {
		t.bytesIn += pm.peer.Stats.BytesIn.Load()
		t.bytesOut += pm.peer.Stats.BytesOut.Load()
	}
	return t
}

// sample adds a second to the history. in.mu is held.
func (in *inspector) sample(now time.Time) {
	t := in.totals()
	slow, queued := in.pressure()
	took := now.Sub(in.times[(in.tick-1)%uint64(len(in.times))]).Seconds()
	per := func(n, before uint64) float64 {
		if took <= 0 || n < before {
			return 0
		}
		return tenths(float64(n-before) / took)
	}
	p := &in.previous
	s := Sample{
		Time: now, Peers: len(in.peers), Slow: slow, Queued: int64(queued), Heap: heapInUse(),
		In: per(t.events, p.events), Out: per(t.sent, p.sent), Dropped: per(t.drops, p.drops),
		Requests: per(t.requests, p.requests), Failed: per(t.failed, p.failed),
		BytesIn: per(t.bytesIn, p.bytesIn), BytesOut: per(t.bytesOut, p.bytesOut),
	}
	in.previous = t
	if len(in.samples) < historySeconds {
		in.samples = append(in.samples, s)
		return
	}
	in.samples[in.oldest] = s
	in.oldest = (in.oldest + 1) % historySeconds
}

// sort puts the lists that come from maps in order.
func (s *Snapshot) sort() {
	slices.SortFunc(s.Senders, func(a, b SenderStatus) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Signals, func(a, b SignalStatus) int {
		return cmp.Or(strings.Compare(a.Sender, b.Sender), strings.Compare(a.Event, b.Event))
	})
}

// senderList lists the senders. in.mu is held.
func (in *inspector) senderList() []SenderStatus {
	all := make([]SenderStatus, 0, len(in.senders))
	for s, m := range in.senders {
		all = append(all, s.status(m))
	}
	return all
}

func (s *sender) status(m *senderMeter) SenderStatus {
	st := SenderStatus{ID: m.id, Name: s.name, Since: m.since, Events: len(s.signals), Methods: []string{}}
	for _, name := range s.decl.Requests {
		if name == nil {
			st.Methods = append(st.Methods, "*")
		} else {
			st.Methods = append(st.Methods, *name)
		}
	}
	if x, ok := s.owner.(*session); ok {
		if p := x.latest.Load(); p != nil {
			st.Peer = p.ID
		}
	} else {
		st.Place = s.place.String()
	}
	return st
}

// signalList lists the signals. in.mu is held.
func (in *inspector) signalList() []SignalStatus {
	all := make([]SignalStatus, 0, len(in.meters))
	for _, m := range in.meters {
		st := m.status()
		if v, ok := m.shown(); ok {
			st.Last = &v
		}
		all = append(all, st)
	}
	return all
}

// status describes the signal, without its value. The inspector's lock is held.
func (m *meter) status() SignalStatus {
	n, guessed := m.total()
	return SignalStatus{
		ID: m.id, Sender: m.signal.sender.name, Event: m.signal.name, Retained: m.signal.keep != nil,
		Listeners: int(m.listeners.Load()), Count: n, Approximate: guessed > 0, Rate: tenths(m.perSecond),
	}
}

// shown returns the last value as it is shown: of a retained event that has not been
// triggered, the value it began with.
func (m *meter) shown() (Value, bool) {
	if v, ok := m.newest(); ok {
		return v.public(), true
	}
	k := m.signal.keep
	if k == nil {
		return Value{}, false
	}
	k.mu.Lock()
	data, has := k.value, k.has
	k.mu.Unlock()
	if !has || !unchanging(data) {
		return Value{}, false
	}
	text, ok := encodeSafely(data)
	return Value{Data: jsonText(cut(text, keepBytes)), Size: len(text)}, ok
}

func (v value) public() Value {
	return Value{N: v.n, Time: time.Unix(0, v.at), Data: jsonText(v.data), Size: v.size}
}

// callLists lists the methods by name, and the requests under way, oldest first. in.mu is
// held.
func (in *inspector) callLists(now time.Time) (methods []MethodStatus, calls []CallStatus) {
	methods, calls = make([]MethodStatus, 0, len(in.callsBy)), []CallStatus{}
	forwarded := in.forwarded()
	for _, c := range in.callsBy {
		st := c.status(now)
		for _, f := range forwarded[c] {
			st.InFlight++
			st.Oldest = max(st.Oldest, f.For)
		}
		if st.Count == 0 && st.InFlight == 0 {
			continue // never asked
		}
		methods = append(methods, st)
		calls = append(append(calls, c.flights(now)...), forwarded[c]...)
	}
	slices.SortFunc(methods, func(a, b MethodStatus) int {
		return cmp.Or(strings.Compare(a.Sender, b.Sender), strings.Compare(a.Method, b.Method))
	})
	slices.SortFunc(calls, func(a, b CallStatus) int { return cmp.Compare(b.For, a.For) })
	return methods, calls
}

// forwarded lists the requests under way between peers. in.mu is held.
func (in *inspector) forwarded() map[*callMeter][]CallStatus {
	all := map[*callMeter][]CallStatus{}
	for _, pm := range in.peers {
		for _, f := range pm.peer.Pending() {
			if c, ok := f.Watch.(*callMeter); ok {
				all[c] = append(all[c], CallStatus{Sender: c.name.sender, Method: c.name.method, Caller: f.From.String(), For: f.For})
			}
		}
	}
	return all
}

// listeners lists the listeners in order of registration.
func (r *Router) listeners() []ListenerStatus {
	subs := r.subscriptions()
	all := make([]ListenerStatus, 0, len(subs))
	for _, s := range subs {
		all = append(all, s.status())
	}
	return all
}

// subscriptions returns all there are, in order of registration.
func (r *Router) subscriptions() []*subscription {
	r.mu.Lock()
	subs := make([]*subscription, 0, r.subs.size)
	r.subs.patterns.each(func(_ string, _ bool, events *patterns[*subject]) {
		events.each(func(_ string, _ bool, j **subject) { subs = append(subs, (*j).subs...) })
	})
	r.mu.Unlock()
	slices.SortFunc(subs, byID)
	return subs
}

// status describes the listener.
func (s *subscription) status() ListenerStatus {
	st := ListenerStatus{ID: s.id, Sender: s.sender, Event: s.event, Below: s.below}
	if t, ok := s.remote().(*remoteListener); ok {
		st.Where = t.session.String()
		if p := t.session.latest.Load(); p != nil {
			st.Peer = p.ID
		}
		if t.line != nil {
			st.Policy = policyName(t.line.Policy)
			st.Queue, st.Dropped = t.session.wire.Out.LineStats(t.line)
		}
		return st
	}
	st.Where = s.place.String()
	if q := s.queue(); q != nil {
		st.Policy, st.Queue, st.Dropped = q.policyName(), q.depth(), s.Dropped()
	}
	return st
}

// links lists where the router listens, by URL.
func (r *Router) links() []LinkStatus {
	all := []LinkStatus{}
	if r.server == nil {
		return all
	}
	for _, l := range r.server.engine.Listeners() {
		all = append(all, linkStatus(l))
	}
	slices.SortFunc(all, func(a, b LinkStatus) int { return strings.Compare(a.URL, b.URL) })
	return all
}

func linkStatus(l carrier.Listener) LinkStatus {
	st := LinkStatus{URL: l.URL(), State: "listening"}
	r, ok := l.(carrier.Reporter)
	if !ok {
		return st
	}
	rep := r.Report()
	st.State, st.Attempts, st.Last, st.Counters = rep.State, rep.Attempts, rep.Last, rep.Counters
	if rep.Err != nil {
		st.Error = rep.Err.Error()
	}
	if !rep.Next.IsZero() {
		st.Next = &rep.Next
	}
	if !rep.LastAt.IsZero() {
		st.LastAt = &rep.LastAt
	}
	return st
}
