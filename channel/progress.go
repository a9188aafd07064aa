package channel

import (
	"context"
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// A progress knows how much of what a publisher has triggered the router has had. It
// triggers marks behind it, which come back when the router has had all that was before.
type progress struct {
	e    *endpoint
	kind string // tells the marks of several apart

	begin   sync.Mutex
	signal  sig.Signal // of marks; nil before the first use
	mu      sync.Mutex
	taken   uint64        // begun
	sent    uint64        // of those, triggered
	marked  uint64        // of those, followed by a mark
	arrived uint64        // of those, known to have arrived
	changed chan struct{} // closed, and replaced, when arrived grows
}

// A mark is the data of a mark's event.
type mark struct {
	Kind string `json:"kind"`
	N    uint64 `json:"n"`
}

func newProgress(e *endpoint, kind string) *progress {
	return &progress{e: e, kind: kind, changed: make(chan struct{})}
}

// ready listens to the marks. Doing it again does nothing.
func (p *progress) ready() error {
	p.begin.Lock()
	defer p.begin.Unlock()
	if p.isReady() {
		return nil
	}
	event := p.e.channel + markEvent
	sg, err := p.e.signal(event)
	if err != nil {
		return err
	}
	if err := p.e.listen(p.e.name, event, p.came); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signal = sg
	return nil
}

// isReady reports whether ready was called, with success.
func (p *progress) isReady() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.signal != nil
}

// take counts one that is about to be triggered, unless so many are on their way already;
// 0 means any number.
func (p *progress) take(limit int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if limit > 0 && p.taken-p.arrived >= uint64(limit) {
		return false
	}
	p.taken++
	return true
}

// giveBack is the reverse of take, for one that could not be triggered.
func (p *progress) giveBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
}

// triggered counts one that was, and has a mark follow it unless one is on its way: then
// another follows that. It returns the number of the one.
func (p *progress) triggered() uint64 {
	p.mu.Lock()
	p.sent++
	n := p.sent
	if p.marked > p.arrived {
		p.mu.Unlock()
		return n
	}
	p.triggerMark()
	return n
}

// triggerMark is called with p.mu held, and lets go of it.
func (p *progress) triggerMark() {
	p.marked = p.sent
	sg, m := p.signal, mark{p.kind, p.sent}
	p.mu.Unlock()
	if sg != nil {
		_ = sg.Trigger(m) // when it fails the publisher has ended
	}
}

// came takes a mark that has come back.
func (p *progress) came(e sig.Event) {
	m, err := sig.As[mark](e.Data)
	if err != nil || m.Kind != p.kind {
		return
	}
	p.mu.Lock()
	if m.N > p.arrived && m.N <= p.sent {
		p.arrived = m.N
		close(p.changed)
		p.changed = make(chan struct{})
	}
	if p.arrived < p.marked || p.sent == p.marked {
		p.mu.Unlock()
		return
	}
	p.triggerMark()
}

// again has a mark follow everything, after a reconnect: the last may have been lost.
func (p *progress) again() {
	p.mu.Lock()
	if p.sent == p.arrived {
		p.mu.Unlock()
		return
	}
	p.triggerMark()
}

// waiting returns how many are on their way.
func (p *progress) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(max(p.taken, p.arrived) - p.arrived)
}

// await returns when at least n have arrived.
func (p *progress) await(ctx context.Context, n uint64) error {
	for {
		p.mu.Lock()
		arrived, changed := p.arrived, p.changed
		p.mu.Unlock()
		if arrived >= n {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}
