package router

import (
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/sigrouter/sigrouter/sig"
)

// A gate counts the triggers of one signal that are under way, so that a removal can
// wait for them. It has two sides: who waits sends the triggers that come from then on
// to the other side, and so is done however many keep coming.
//
// The counts are spread over cells, so that processors do not take a cache line from
// each other. Every goroutine has a stack of its own; its address chooses the cell.
type gate struct {
	side    atomic.Uint32
	sides   [2][gateCells]gateCell
	waiting atomic.Int32  // who waits; triggers tell them that they have left
	left    chan struct{} // capacity 1
	parked  [2]atomic.Int64
	dead    atomic.Bool // the sender has gone: no trigger will enter
	mu      sync.Mutex  // held by the one who waits
}

const gateCells = 8

type gateCell struct {
	n atomic.Int64
	_ [56]byte
}

func newGate() *gate { return &gate{left: make(chan struct{}, 1)} }

// call calls the listeners of a signal's list inside the gate. There is a function for
// each side, so that who waits can read from its own stack on which sides it is.
func (g *gate) call(s *signal, l *list, data any) {
	if g.side.Load()&1 == 0 {
		g.callOnSide0(s, l, data)
	} else {
		g.callOnSide1(s, l, data)
	}
}

//go:noinline
func (g *gate) callOnSide0(s *signal, l *list, data any) {
	defer g.leave(g.enter(0))
	s.call(l, data)
}

//go:noinline
func (g *gate) callOnSide1(s *signal, l *list, data any) {
	defer g.leave(g.enter(1))
	s.call(l, data)
}

// run is call for a single function.
func (g *gate) run(fn sig.Listener, e sig.Event) {
	if g.side.Load()&1 == 0 {
		g.runOnSide0(fn, e)
	} else {
		g.runOnSide1(fn, e)
	}
}

//go:noinline
func (g *gate) runOnSide0(fn sig.Listener, e sig.Event) {
	defer g.leave(g.enter(0))
	fn(e)
}

//go:noinline
func (g *gate) runOnSide1(fn sig.Listener, e sig.Event) {
	defer g.leave(g.enter(1))
	fn(e)
}

// gated returns a listener that calls fn inside a gate of s alone, for calls outside of
// a signal's trigger. r.mu is held.
func (s *subscription) gated(fn sig.Listener) sig.Listener {
	if !s.waitable {
		return fn
	}
	if s.ext.own == nil {
		s.ext.own = newGate()
		s.addGate(s.ext.own)
	}
	g := s.ext.own
	return func(e sig.Event) { g.run(fn, e) }
}

func (g *gate) enter(side int) *gateCell {
	var here byte
	at := uint32(uintptr(unsafe.Pointer(&here)) >> 11)
	c := &g.sides[side][at*0x9E3779B1>>16%gateCells]
	c.n.Add(1)
	return c
}

func (g *gate) leave(c *gateCell) {
	c.n.Add(-1)
	if g.waiting.Load() > 0 {
		g.tell()
	}
}

func (g *gate) tell() {
	select {
	case g.left <- struct{}{}:
	default:
	}
}

func (g *gate) count(side int) (n int64) {
	for i := range g.sides[side] {
		n += g.sides[side][i].n.Load()
	}
	return n
}

func (g *gate) empty() bool { return g.count(0)+g.count(1) == 0 }

// wait returns when every trigger has left that was under way when it was called,
// except for those that wait here themselves: the caller's own, and others that would
// wait for the caller's.
//
// A trigger that reads the side just before it changes may enter the old one
// unnoticed. It does no harm, since it looks for removed listeners after it has
// entered; but the next who waits must know it, and therefore waits for both sides.
func (g *gate) wait() {
	if g.empty() {
		return
	}
	own := ownSides()
	for side := range own {
		g.parked[side].Add(own[side])
		defer g.parked[side].Add(-own[side])
	}
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	g.tell() // who waits now need not wait for us
	g.mu.Lock()
	defer g.mu.Unlock()
	for range 2 {
		side := int(g.side.Add(1)-1) & 1
		for g.count(side) > g.parked[side].Load() {
			<-g.left
		}
	}
}

// ownSides counts the triggers, by their sides, that the calling goroutine is inside
// of. It cannot tell gates apart: a trigger of another signal makes it count too many,
// and the wait too short, where such triggers are nested.
func ownSides() (own [2]int64) {
	frames(func(function string) bool {
		switch {
		case strings.HasSuffix(function, ".(*gate).callOnSide0"), strings.HasSuffix(function, ".(*gate).runOnSide0"):
			own[0]++
		case strings.HasSuffix(function, ".(*gate).callOnSide1"), strings.HasSuffix(function, ".(*gate).runOnSide1"):
			own[1]++
		}
		return true
	})
	return own
}

// addGate notes that triggers inside the gate may call the listener. r.mu is held.
func (s *subscription) addGate(g *gate) {
	x := s.extend()
	if _, ok := x.gates[g]; ok {
		return
	}
	if x.gates == nil {
		x.gates = map[*gate]struct{}{}
	}
	if len(x.gates) >= 2*x.live {
		x.live = 16
		for old := range x.gates {
			if old.dead.Load() && old.empty() {
				delete(x.gates, old)
			} else {
				x.live++
			}
		}
	}
	x.gates[g] = struct{}{}
}
