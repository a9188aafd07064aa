package main

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// An entry is the data of every event: who sent it, its number among all events of that
// client, and its number among those of its sender and name.
type entry struct {
	Client int    `json:"c"`
	N      uint64 `json:"n"`
	K      uint64 `json:"k"`
}

// stream is one event of one sender.
type stream struct{ sender, event string }

// A ledger is what one listener got.
type ledger struct {
	name          string
	sender, event string
	dropped       func() uint64

	mu       sync.Mutex
	up       map[string]bool   // whether #connect or #disconnect of a sender came last; nil: not watched
	got      map[stream]uint64 // events
	firstN   map[int]uint64    // of each client
	lastN    map[int]uint64
	lastK    map[stream]uint64
	missing  uint64 // numbers passed over
	faults   []string
	turns    []string // notices out of turn; of no account when it turns out that the session had ended
	sessions int      // that were not resumed: what was on its way is lost, and was said to be
	again    map[int]uint64
}

func newLedger(name, sender, event string) *ledger {
	return &ledger{
		name: name, sender: sender, event: event, dropped: func() uint64 { return 0 },
		got: map[stream]uint64{}, firstN: map[int]uint64{}, lastN: map[int]uint64{}, lastK: map[stream]uint64{}, again: map[int]uint64{},
	}
}

// watch makes the ledger hold #connect and #disconnect to their order.
func (l *ledger) watch() *ledger {
	l.up = map[string]bool{}
	return l
}

const maxFaults = 5

func (l *ledger) fault(format string, args ...any) {
	if len(l.faults) < maxFaults {
		l.faults = append(l.faults, l.name+": "+fmt.Sprintf(format, args...))
	}
}

func (l *ledger) outOfTurn(format string, args ...any) {
	if len(l.turns) < maxFaults {
		l.turns = append(l.turns, l.name+": "+fmt.Sprintf(format, args...))
	}
}

// listen is the listener.
func (l *ledger) listen(e sig.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Name {
	case sig.Connect, sig.Disconnect:
		l.notice(e)
		return
	}
	var x entry
	if err := e.Decode(&x); err != nil {
		l.fault("%s/%s: %v", e.Sender, e.Name, err)
		return
	}
	if up, known := l.up[e.Sender]; known && !up {
		l.outOfTurn("event %d of %s outside of #connect and #disconnect", x.N, e.Sender)
	}
	s := stream{e.Sender, e.Name}
	if x.N <= l.lastN[x.Client] {
		l.again[x.Client]++
		return
	}
	if l.lastN[x.Client] == 0 {
		l.firstN[x.Client] = x.N
	}
	l.lastN[x.Client] = x.N
	if last := l.lastK[s]; last > 0 && x.K > last+1 {
		l.missing += x.K - last - 1
	}
	l.lastK[s] = x.K
	l.got[s]++
}

func (l *ledger) notice(e sig.Event) {
	if l.up == nil {
		return
	}
	now := e.Name == sig.Connect
	if was, known := l.up[e.Sender]; known && was == now {
		l.outOfTurn("%s of %s twice", e.Name, e.Sender)
	}
	l.up[e.Sender] = now
}

// forgetNotices is for a session that was not resumed: what came meanwhile is not known.
func (l *ledger) forgetNotices() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions++
	l.up, l.turns = nil, nil // the first of the next session may have come already
}

func (l *ledger) unwatch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up = nil
}

// total returns how many events of the streams that match came, how many are missing
// against what was dispatched, and which came again.
func (l *ledger) against(dispatched map[stream]uint64) (got, missing, again uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s, n := range dispatched {
		if (l.sender == sig.Any || l.sender == s.sender) && (l.event == sig.Any || l.event == s.event) {
			got += l.got[s]
			missing += n - min(n, l.got[s])
			if l.got[s] > n {
				l.fault("%d events of %s/%s, and only %d were dispatched", l.got[s], s.sender, s.event, n)
			}
		}
	}
	for _, n := range l.again {
		again += n
	}
	return got, missing, again
}

func (l *ledger) problems() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Concat(l.faults, l.turns)
}

// copyGot returns what has come so far.
func (l *ledger) copyGot() map[stream]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[stream]uint64, len(l.got))
	for s, n := range l.got {
		out[s] = n
	}
	return out
}

func (l *ledger) lostSessions() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sessions
}

// first and last return the numbers of the first and last event of a client, 0 for none.
func (l *ledger) first(client int) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.firstN[client]
}

func (l *ledger) last(client int) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lastN[client]
}

// repeats returns how many events of each client came again.
func (l *ledger) repeats() map[int]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.again)
}
