package router

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// callsMost is how many methods are measured one by one; the rest are measured together.
const callsMost = 1000

// otherCalls stands for the methods beyond callsMost.
const otherCalls = "(other)"

// A callName names a method of a sender name. What was measured of it outlives its holder.
type callName struct{ sender, method string }

// A callMeter measures the requests of one method.
type callMeter struct {
	insp *inspector
	name callName

	mu      sync.Mutex
	n       uint64
	guessed uint64
	failed  uint64
	codes   map[string]uint64 // of failures
	budget  budget
	now     *latencies // since turned; nil: none yet
	before  *latencies // of the minute before that
	turned  int64      // in nanoseconds since 1970, by the inspector's clock
	all     latencySums
	flight  *inFlight // newest first
	spare   *inFlight

	// Guarded by the inspector's lock.
	rate      rater
	perSecond float64
}

// latencySums are what a histogram of all times says, by the bounds in latencyBounds.
type latencySums struct {
	sum    time.Duration
	counts [len(latencyBounds) + 1]uint64 // the last is for those above all bounds
}

// latencyBounds are the upper bounds of the histogram of requests in the metrics.
var latencyBounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond,
	10 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 10 * time.Second,
}

// An inFlight is a request that is being answered in this process.
type inFlight struct {
	began      time.Time
	caller     *sig.Caller // nil: this process
	next, prev *inFlight
}

// watchCalls gives the methods of a sender their meters. in.mu is held.
func (in *inspector) watchCalls(s *sender) {
	for _, m := range s.methods {
		m.watch.Store(in.callMeter(s.name, m.call.Method))
	}
	if s.rest != nil {
		s.restWatch.Store(in.callMeter(s.name, otherCalls))
	}
}

// callMeter returns the meter of a method, a new one if need be. in.mu is held.
func (in *inspector) callMeter(sender, method string) *callMeter {
	name := callName{sender, method}
	if c := in.callsBy[name]; c != nil {
		return c
	}
	if len(in.callsBy) >= callsMost {
		in.forgetCalls()
	}
	if len(in.callsBy) >= callsMost {
		name = callName{otherCalls, otherCalls}
		if c := in.callsBy[name]; c != nil {
			return c
		}
	}
	c := &callMeter{insp: in, name: name, turned: in.clock.Load()}
	c.rate.begin(in.tick, 0)
	in.callsBy[name] = c
	return c
}

// forgetCalls makes room: it forgets methods of senders that are not there, those that
// were asked least.
func (in *inspector) forgetCalls() {
	var idle []*callMeter
	for _, c := range in.callsBy {
		if in.r.senders.get(c.name.sender) == nil && c.name.sender != otherCalls {
			idle = append(idle, c)
		}
	}
	slices.SortFunc(idle, func(a, b *callMeter) int { return cmp.Compare(a.count(), b.count()) })
	for _, c := range idle[:min(len(idle), callsMost/10)] {
		c.mu.Lock()
		in.past.requests += c.n + c.guessed
		in.past.failed += c.failed
		c.mu.Unlock()
		delete(in.callsBy, c.name)
	}
}

func (c *callMeter) count() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n + c.guessed
}

// measure answers a request and measures how long that takes.
func (c *callMeter) measure(ctx context.Context, m *method, params any) (resp sig.Response, err error) {
	caller, _ := sig.CallerFrom(ctx)
	f := c.begin(caller)
	defer func() {
		// What has no handler of its own is found anew with each request, and always measured.
		if c.end(f, err) && c.name.method != otherCalls && m.watch.CompareAndSwap(c, nil) {
			c.insp.callsSpent(spentCall{m, c})
		}
	}()
	return m.run(ctx, params)
}

func (c *callMeter) begin(caller *sig.Caller) *inFlight {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.spare
	if f == nil {
		f = &inFlight{}
	} else {
		c.spare = f.next
	}
	*f = inFlight{began: now, caller: caller, next: c.flight}
	if f.next != nil {
		f.next.prev = f
	}
	c.flight = f
	return f
}

// end notes how a request went. It reports whether it was the last that is counted for
// now.
func (c *callMeter) end(f *inFlight, err error) (spent bool) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.prev != nil {
		f.prev.next = f.next
	} else {
		c.flight = f.next
	}
	if f.next != nil {
		f.next.prev = f.prev
	}
	c.note(now.Sub(f.began), err)
	*f = inFlight{next: c.spare}
	c.spare = f
	return c.budget.spend(c.insp.window.Load(), countRequests)
}

// note adds one request that has ended. c.mu is held.
func (c *callMeter) note(took time.Duration, err error) {
	c.n++
	if err != nil {
		c.fail(err)
	}
	if took < 0 {
		return // not measured
	}
	now := c.insp.clock.Load()
	if age := now - c.turned; c.now == nil || age > int64(time.Minute) {
		if c.before = c.now; age > int64(2*time.Minute) {
			c.before = nil
		}
		c.now, c.turned = &latencies{}, now
	}
	c.now.add(took)
	c.all.sum += took
	i := 0
	for i < len(latencyBounds) && took > latencyBounds[i] {
		i++
	}
	c.all.counts[i]++
}

// fail counts a failure by its code. c.mu is held.
func (c *callMeter) fail(err error) {
	const most = 32 // codes are the program's own
	c.failed++
	e := sig.AsError(err)
	code := cmp.Or(e.Code, "failed")
	if c.codes == nil {
		c.codes = map[string]uint64{}
	}
	if _, known := c.codes[code]; !known && len(c.codes) >= most {
		code = otherCalls
	}
	c.codes[code]++
}

// callWatch returns who measures a request that is forwarded to the sender's owner; nil
// for nobody.
func (s *sender) callWatch(name string) carrier.CallWatch {
	c := s.restWatch.Load()
	if m := s.method(name); m != nil {
		c = m.watch.Load()
	}
	if c == nil {
		return nil
	}
	return c
}

// Answered is called by the engine when a forwarded request has ended.
func (c *callMeter) Answered(took time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(took, err)
}

func (c *callMeter) renew(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.guessed += c.budget.renew(now)
}

// status describes the method's requests. in.mu is held.
func (c *callMeter) status(now time.Time) MethodStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	recent := latencies{}
	if age := now.UnixNano() - c.turned; age < int64(2*time.Minute) {
		recent.merge(c.now)
		if age < int64(time.Minute) {
			recent.merge(c.before)
		}
	}
	st := MethodStatus{
		Sender: c.name.sender, Method: c.name.method,
		Count: c.n + c.guessed, Approximate: c.guessed > 0, Rate: tenths(c.perSecond), Failed: c.failed, Codes: maps.Clone(c.codes),
		P50: recent.quantile(0.5), P95: recent.quantile(0.95), P99: recent.quantile(0.99), Max: recent.max,
		Times: Times{Sum: c.all.sum, Bounds: latencyBounds[:], Counts: slices.Clone(c.all.counts[:])},
	}
	for f := c.flight; f != nil; f = f.next {
		st.InFlight++
		st.Oldest = max(st.Oldest, now.Sub(f.began))
	}
	return st
}

// flights lists the requests that are being answered in this process.
func (c *callMeter) flights(now time.Time) (all []CallStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for f := c.flight; f != nil; f = f.next {
		st := CallStatus{Sender: c.name.sender, Method: c.name.method, For: now.Sub(f.began)}
		if f.caller != nil {
			st.Caller = cmp.Or(f.caller.Name, f.caller.ID)
		}
		all = append(all, st)
	}
	return all
}

// missedMost is how many requests to nobody are remembered, by sender and method.
const missedMost = 100

// missedCall notes a request that nobody answers.
func (in *inspector) missedCall(sender, method string) {
	if in == nil || len(method) > sig.MaxName {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	i := slices.IndexFunc(in.missed, func(m Missed) bool { return m.Sender == sender && m.Method == method })
	if i < 0 {
		if len(in.missed) >= missedMost {
			in.missed = slices.Delete(in.missed, 0, 1)
		}
		in.missed = append(in.missed, Missed{Sender: sender, Method: method})
		i = len(in.missed) - 1
	}
	m := in.missed[i]
	m.Count++
	m.Last = time.Now()
	in.missed = append(slices.Delete(in.missed, i, i+1), m) // the newest at the end
}
