package carrier

import "time"

// QueueStats tells how full a queue is and what has passed it.
type QueueStats struct {
	Waiting, WaitingBytes   int    // signals, or notices of dropped ones, that were not sent
	InFlight, InFlightBytes int    // signals that were sent and not acknowledged
	Window                  int    // how many of these there may be
	Sent, Acked, Dropped    uint64 // since the session began
}

// Stats returns the numbers of the queue as they are now.
func (q *Queue) Stats() QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return QueueStats{
		Waiting: q.items.len() - q.dead - q.inFlight(), WaitingBytes: q.waitBytes,
		InFlight: q.inFlight(), InFlightBytes: q.flightBytes,
		Window: q.window,
		Sent:   q.last, Acked: q.acked, Dropped: q.dropped,
	}
}

// LineStats returns how many events of one line wait, and how many were dropped.
func (q *Queue) LineStats(l *Line) (waiting int, dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return l.waiting, l.Dropped
}

// Heard returns when anything came from the peer last, within a quarter of a second.
func (p *Peer) Heard() time.Time { return p.engine.start.Add(time.Duration(p.heard.Load())) }

// Calls returns how many calls wait for the peer's answer, and how many of the peer's own
// are being answered.
func (p *Peer) Calls() (asked, answering int) { return p.calls.len(), int(p.asking.Load()) }

// Counters returns what the connection itself counts, damaged frames for instance; nil
// where it counts nothing. The caller owns the map.
func (p *Peer) Counters() map[string]uint64 {
	if c, ok := probe[Counter](p.conn); ok {
		return c.Counters()
	}
	return nil
}

// Listeners returns the listeners that are served, in no order.
func (e *Engine) Listeners() []Listener {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]Listener, 0, len(e.listeners))
	for l := range e.listeners {
		all = append(all, l)
	}
	return all
}

// Queued returns how many bytes wait for all peers together, about.
func (e *Engine) Queued() int64 { return e.queued.Load() }

// A Reporter is a Listener that can say how it is, where that is more than that it
// listens: a serial port that is waited for, for instance.
type Reporter interface {
	Report() Report
}

// A Report says how a link is: a listener, or what a listener waits for.
type Report struct {
	// State is one short word: "open", "waiting", "connected", "closed".
	State string
	// Err is what keeps it from being open, nil for nothing.
	Err error
	// Attempts counts the attempts to open since it was open last; Next is when the next
	// one comes, zero when none is due.
	Attempts int
	Next     time.Time
	// Last is what came over the link last, cut to 64 bytes, and LastAt when.
	Last   string
	LastAt time.Time
	// Counters are what the link counts, by short, stable names in lower case.
	Counters map[string]uint64
}

// A CallWatch is told of a call that was forwarded from one peer to another.
type CallWatch interface {
	// Answered is called when the call has ended, with how long that took; less than zero
	// if it was not measured. It must not block.
	Answered(took time.Duration, err error)
}

// timedCalls is how many forwarded calls of a peer are timed in each tick of the engine: to
// look at the clock twice for each would slow down the fastest.
const timedCalls = 64

// timed bounds how many calls are timed.
type timed struct {
	clock time.Duration
	n     int
}

// begin returns when a call began, 0 if it is not to be timed. The table's lock is held.
func (t *callTable) begin(clock time.Duration) time.Duration {
	if t.timed.clock != clock {
		t.timed = timed{clock: clock}
	}
	if t.timed.n++; t.timed.n > timedCalls {
		return 0
	}
	return t.peer.engine.now()
}

func (e *Engine) took(began time.Duration) time.Duration {
	if began == 0 {
		return -1
	}
	return e.now() - began
}

// A PendingCall is a call that was forwarded to a peer and is not answered.
type PendingCall struct {
	From  *Peer
	Watch CallWatch
	For   time.Duration // since it was sent, within a quarter of a second
}

// Pending returns the forwarded calls that wait for the peer's answer, in no order, those
// alone that somebody watches.
func (p *Peer) Pending() (all []PendingCall) {
	now := time.Duration(p.engine.clock.Load())
	t := &p.calls
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.slots {
		if c.own != 0 && c.watch != nil {
			all = append(all, PendingCall{c.from, c.watch, max(now-c.sent, 0)})
		}
	}
	return all
}
