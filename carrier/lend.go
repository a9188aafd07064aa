package carrier

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A Lent is work for the goroutine that reads, which is lent for it between two reads: to
// wake another one would take longer than most such work does.
type Lent interface {
	// Work does the work. It may take its time: see Late.
	Work()
	// Late is called, at most once for a Work, when that takes longer than five to ten
	// milliseconds: another goroutine goes on reading, and this one is left to its work. It
	// must not wait.
	Late()
}

// Lend has work done when this batch has ended, before more is read; what it has the peer
// told is written then. It reports false, and does nothing, when the goroutine that reads is
// not to be had. For BatchEnd only, once.
func (p *Peer) Lend(l Lent) bool {
	if p.mayLend {
		p.loan.work = l
	}
	return p.mayLend
}

// errLent puts a read off, since the goroutine that reads is lent.
var errLent = errors.New("the goroutine that reads has something else to do first")

// Lends reports whether the goroutine that reads may be lent at all.
func (p *Peer) Lends() bool { return p.stream == nil || p.stream.direct == nil }

// A loan is what is known of a goroutine that reads and is lent.
type loan struct {
	work    Lent          // to be done before the next read; nil: none; for the goroutine that reads
	turn    atomic.Uint64 // odd while it is lent
	watched atomic.Bool
	seen    uint64 // turn, at the last look; for the lender
}

// lent does the work. It reports false when another goroutine has gone on reading.
func (p *Peer) lent() bool {
	l := &p.loan
	work := l.work
	turn := l.turn.Add(1) // from here on l.work may be another's
	if !l.watched.Load() {
		p.engine.lender.watch(p)
	}
	returned := false
	defer func() {
		if !returned { // by runtime.Goexit in a user's function
			p.engine.lender.relieve(p, turn)
		}
	}()
	work.Work()
	returned = true
	p.flush()
	if !l.turn.CompareAndSwap(turn, turn+1) {
		return false
	}
	l.work = nil
	return true
}

// lentFor is how often the lender looks. Who is lent for longer than one to two of it is late.
const lentFor = 5 * time.Millisecond

// A lender watches the goroutines that are lent, in one goroutine that ends when none was for
// a time.
type lender struct {
	engine *Engine
	mu     sync.Mutex
	peers  []*Peer
	busy   bool
}

// watch begins to watch a peer that is not watched.
func (l *lender) watch(p *Peer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.loan.watched.Swap(true) {
		return
	}
	l.peers = append(l.peers, p)
	if !l.busy {
		l.busy = true
		l.engine.wg.Go(l.run) // while p is read for, so Shutdown waits for it
	}
}

func (l *lender) run() {
	t := time.NewTicker(lentFor)
	defer t.Stop()
	for l.look() {
		<-t.C
	}
}

// look looks at all peers. It reports false when none is left to be watched.
func (l *lender) look() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.peers[:0]
	for _, p := range l.peers {
		if l.lends(p) {
			kept = append(kept, p)
		}
	}
	clear(l.peers[len(kept):])
	l.peers = kept
	l.busy = len(kept) > 0
	return l.busy
}

// lends looks at one peer. It reports false when its goroutine was not lent since the last
// look.
func (l *lender) lends(p *Peer) bool {
	turn := p.loan.turn.Load()
	switch {
	case turn != p.loan.seen:
		p.loan.seen = turn
	case turn%2 == 1:
		l.relieve(p, turn)
	default:
		p.loan.watched.Store(false)
		return p.loan.turn.Load() != turn && !p.loan.watched.Swap(true) // it was lent just now
	}
	return true
}

// relieve has another goroutine go on reading, unless that was done already or the work is.
func (l *lender) relieve(p *Peer, turn uint64) {
	if !p.loan.turn.CompareAndSwap(turn, turn+1) {
		return
	}
	work := p.loan.work
	p.loan.work = nil
	work.Late()
	go p.read() // Shutdown waits for it instead of for the one that is late
}
