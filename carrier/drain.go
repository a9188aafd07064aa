package carrier

import (
	"context"
	"time"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// A Drainer is a Handler whose peers' signals and requests are turned away while it shuts
// down, so that what was taken before can reach everybody: else who goes on sending keeps
// the queues full to the end, and what is in them is lost. A signal with a number is
// not acknowledged then, so its sender has it for the next server.
type Drainer interface {
	// Idle reports whether what came from the peer has been done. It is called when the
	// engine passes nothing of the peer on any more.
	Idle(p *Peer) bool
}

// tooLateFor turns a message away that would begin something new while the engine drains.
func (p *Peer) tooLateFor(m *wire.Msg) bool {
	switch m.Kind {
	case wire.Signal:
		return true
	case wire.Call:
	default:
		return false
	}
	switch string(m.Method) {
	case "signal", "request", "add_sender", "add_listener", "hello":
		p.ReplyError(IDOf(m), sig.Errorf(sig.ErrShuttingDown, "the router is shutting down"))
		p.Touch(p)
		return true
	}
	return false
}

// begun notes that the goroutine that reads is at a batch. When drain sees that it is not,
// it will see next that the engine drains.
func (p *Peer) begun() {
	if !p.inBatch {
		p.inBatch = true
		p.handling.Store(true)
	}
}

// settle turns away what is new, and returns when what was taken before has been handed
// on, or ctx has ended.
func (e *Engine) settle(ctx context.Context, peers []*Peer) {
	d, ok := e.handler.(Drainer)
	if !ok {
		return
	}
	e.draining.Store(true)
	for _, p := range peers {
		p.until(ctx, func() bool { return !p.handling.Load() && d.Idle(p) })
	}
}

// sayBye tells a peer on the fast lane that the connection will be closed.
func (p *Peer) sayBye(reason string, retry time.Duration) {
	if !p.Fast() {
		return
	}
	p.w.mu.Lock()
	p.end(wire.AppendBye(p.begin(), reason, int(retry.Milliseconds())), frameReply, 0)
	p.w.mu.Unlock()
	p.Kick()
}

// drain waits until the peer has taken and acknowledged everything, and its calls
// have been answered. It reports false when ctx ended first.
func (p *Peer) drain(ctx context.Context) bool { return p.until(ctx, p.drained) }

// until waits until done reports true or the connection has ended. It reports false when
// ctx ended first.
func (p *Peer) until(ctx context.Context, done func() bool) bool {
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return false
		case <-p.gone:
			return true
		case <-t.C:
		}
	}
	return true
}

func (p *Peer) drained() bool {
	p.w.mu.Lock()
	waits := p.w.busy || len(p.w.buf)+len(p.w.row) > 0
	p.w.mu.Unlock()
	return !waits && p.asking.Load() == 0 && p.calls.len() == 0 && p.out().pending() == 0 && !p.classic.waits()
}
