package channel

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// stallAfter is how long a large message waits for a subscriber that makes no progress.
const stallAfter = 10 * time.Second

// An audience is the subscribers of a channel, as one publisher sees them, and how far they
// are with its large message.
type audience struct {
	e      *endpoint
	joined func(subscriber string) // nil for nobody to tell
	pokes  chan struct{}           // holds one when something changed

	mu      sync.Mutex
	listing bool
	touched map[string]bool // who came or went while listing
	members map[string]bool
	id      uint64         // the message under way
	have    map[string]int // of it, by subscriber
}

func newAudience(e *endpoint, joined func(string)) *audience {
	return &audience{e: e, joined: joined, pokes: make(chan struct{}, 1), members: map[string]bool{}}
}

// begin follows the subscribers from now on.
func (a *audience) begin(ctx context.Context) error {
	err := a.e.listen(prefix+kindListen+".*."+a.e.channel, sig.Any, a.event)
	if err != nil {
		return err
	}
	return a.list(ctx)
}

// list asks who there is. What events say meanwhile is newer.
func (a *audience) list(ctx context.Context) error {
	a.mu.Lock()
	a.listing, a.touched = true, map[string]bool{}
	a.mu.Unlock()
	all, err := a.e.census(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listing = false
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	for _, s := range all {
		if s.Name == nil || !s.Connected || !strings.HasPrefix(*s.Name, prefix+kindListen+".") {
			continue
		}
		if _, channel := partyOf(*s.Name); channel == a.e.channel {
			listed[*s.Name] = true
		}
	}
	for name := range a.members {
		if !listed[name] && !a.touched[name] {
			delete(a.members, name) // if it does not come back, what is under way goes on without it
		}
	}
	for name := range listed {
		if !a.touched[name] {
			a.members[name] = true
		}
	}
	return nil
}

// event takes what comes from subscribers, and what is said of them.
func (a *audience) event(e sig.Event) {
	switch e.Name {
	case sig.Connect:
		a.mu.Lock()
		a.touch(e.Sender)
		a.members[e.Sender] = true
		a.mu.Unlock()
		if a.joined != nil {
			a.joined(e.Sender)
		}
	case sig.Disconnect:
		d, err := sig.As[sig.Declaration](e.Data)
		a.mu.Lock()
		a.touch(e.Sender)
		delete(a.members, e.Sender)
		if err == nil && d.Reason == "" { // else it may come back, and has missed nothing then
			delete(a.have, e.Sender)
			a.poke()
		}
		a.mu.Unlock()
	case a.e.channel + gotEvent:
		g, err := sig.As[got](e.Data)
		if err == nil && g.To == a.e.name {
			a.got(e.Sender, g)
		}
	}
}

func (a *audience) touch(name string) {
	if a.listing {
		a.touched[name] = true
	}
}

func (a *audience) got(from string, g got) {
	a.mu.Lock()
	defer a.mu.Unlock()
	had, waited := a.have[from]
	if g.ID != a.id || !waited {
		return
	}
	if g.Have == notWanted {
		delete(a.have, from)
	} else {
		a.have[from] = max(had, g.Have)
	}
	a.poke()
}

func (a *audience) poke() {
	select {
	case a.pokes <- struct{}{}:
	default:
	}
}

// start says which message is under way, and whom it is for: one, or all when to is "".
func (a *audience) start(id uint64, to string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.id, a.have = id, map[string]int{}
	for name := range a.members {
		if to == "" || to == name {
			a.have[name] = 0
		}
	}
}

// nobody reports whether there is nobody left who wants the message.
func (a *audience) nobody() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.have) == 0
}

// slowest returns how many parts the slowest has.
func (a *audience) slowest() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	least := int(^uint(0) >> 1)
	for _, have := range a.have {
		least = min(least, have)
	}
	return least
}

// leaveBehind gives up those that have no more than have parts.
func (a *audience) leaveBehind(have int) (left []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, n := range a.have {
		if n <= have {
			left = append(left, name)
			delete(a.have, name)
		}
	}
	slices.Sort(left)
	return left
}

// await returns when all have at least so many parts. Those that make no progress for
// stallAfter are left behind, and reported.
func (a *audience) await(ctx context.Context, least int) error {
	stalled := time.NewTimer(stallAfter)
	defer stalled.Stop()
	for was := a.slowest(); was < least; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-a.pokes:
		case <-stalled.C:
			if left := a.leaveBehind(was); len(left) > 0 {
				a.e.party.report(lost(a.e.channel, "a large message goes on without %s, of which nothing was heard for %v", strings.Join(left, ", "), stallAfter))
			}
		}
		if now := a.slowest(); now > was {
			was = now
			stalled.Reset(stallAfter)
		}
	}
	return nil
}
