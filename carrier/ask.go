package carrier

import (
	"context"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// A waiter is a goroutine of this process that waits for a reply.
type waiter struct {
	done chan struct{}
	data Encoded
	raw  any // data, wrapped
	err  error
}

// waiter returns a waiter that was used before, or a new one.
func (t *callTable) waiter() *waiter {
	if w, ok := t.waiters.Get().(*waiter); ok {
		return w
	}
	return &waiter{done: make(chan struct{}, 1)}
}

func (w *waiter) finish(err error) {
	w.err = err
	w.done <- struct{}{}
}

// Call calls a method of the peer and waits for the reply, until ctx ends or the time
// limit for calls is over. Params is JSON; nil means none. The caller owns the result.
func (p *Peer) Call(ctx context.Context, method string, params []byte) ([]byte, error) {
	out, _, err := p.call(ctx, func(b []byte, id uint64) []byte { return wire.AppendCall(b, id, method, params) })
	return out.Data, err
}

// Request asks a sender at the peer, unless params are more than it takes. The caller owns the
// result; raw is the same as listeners and handlers get it, see Encoded.Raw. The request
// carries the traceparent and the hops of ctx.
func (p *Peer) Request(ctx context.Context, sender, method string, params Encoded) (out Encoded, raw any, err error) {
	cause := p.cause(wire.NewCause(sig.Traceparent(ctx), sig.Hops(ctx)))
	data, bin := p.form(params, cause.Binary() && p.binary.Load())
	if err := p.room("a request", data); err != nil {
		return Encoded{}, nil, err
	}
	return p.call(ctx, func(b []byte, id uint64) []byte {
		if bin {
			return wire.AppendBinaryRequest(b, id, sender, method, cause, data)
		}
		return wire.AppendRequest(b, id, sender, method, cause, data)
	})
}

// cause returns what a request to the peer carries of its cause: no traceparent that is too
// long to be one, and no hops to a classic peer, which would not carry them on.
func (p *Peer) cause(c wire.Cause) wire.Cause {
	if len(c.Traceparent) > maxTraceparent {
		c.Traceparent = nil
	}
	if c.Hops > 0 && !p.Fast() {
		c.Hops = 0
	}
	return c
}

func (p *Peer) call(ctx context.Context, build func([]byte, uint64) []byte) (out Encoded, raw any, err error) {
	if err := ctx.Err(); err != nil {
		return Encoded{}, nil, err
	}
	w := p.calls.waiter()
	id, n, err := p.calls.add(&pending{waiter: w})
	if err != nil {
		p.calls.waiters.Put(w)
		return Encoded{}, nil, err
	}
	p.w.mu.Lock()
	p.end(build(p.begin(), id), frameCall, id)
	full := p.full()
	p.w.mu.Unlock()
	if !full {
		p.Flush(n == 1)
	}
	if err := p.await(ctx, w, id); err != nil {
		return Encoded{}, nil, err
	}
	out, raw, err = w.data, w.raw, w.err
	w.data, w.raw, w.err = Encoded{}, nil, nil
	p.calls.waiters.Put(w)
	return out, raw, err
}

// await waits for the reply. It fails when ctx ends first.
func (p *Peer) await(ctx context.Context, w *waiter, id uint64) error {
	if ctx.Done() == nil {
		<-w.done
		return nil
	}
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
	}
	if p.calls.take(id).own == 0 {
		<-w.done // the reply is being delivered
		return nil
	}
	p.sendCancel(id)
	return ctx.Err()
}

// sendCancel tells the peer that nobody waits for the reply any more.
func (p *Peer) sendCancel(id uint64) {
	if !p.Fast() {
		return
	}
	p.w.mu.Lock()
	p.end(wire.AppendCancel(p.begin(), id), frameReply, 0)
	p.w.mu.Unlock()
	p.Kick()
}
