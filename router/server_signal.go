package router

import (
	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// An inbound is a signal that a client may trigger, found by the bytes of its info.
type inbound struct {
	sender *sender
	signal *signal
	rights *auth.Rights // with which it was found
	unseen unseen
}

// signal deals with a numbered signal, in the goroutine that reads.
func (x *session) signal(p *carrier.Peer, m *wire.Msg) {
	idle := x.serial.idle() // before the sender is looked for: what waits may add it
	err, size := x.srv.engine.CheckHops(uint64(m.Hops)), 0
	if err == nil && m.Binary {
		size, err = p.Check(m, m.Data)
	}
	var in *inbound
	if err == nil {
		in, err = x.inbound(m)
		if err != nil && !idle && m.Info != nil {
			x.push(p, task{n: m.N, late: x.lateInfo(m), cause: causeOf(m), data: x.payload(p, m, m.Data), size: size})
			return
		}
	}
	if err != nil {
		x.refuseSignal(p, m.N, err, idle)
		return
	}
	if !idle || !x.direct(p, in, m, size) {
		x.push(p, task{n: m.N, in: in, cause: causeOf(m), data: x.payload(p, m, m.Data), size: size})
		return
	}
	p.Handled(m.N)
	p.Touch(p)
}

// refuse answers a call or a signal that is not even looked at.
func (x *session) refuse(p *carrier.Peer, m *wire.Msg, err error) {
	if m.Kind == wire.Signal {
		x.refuseSignal(p, m.N, err, x.serial.idle())
		return
	}
	p.ReplyError(carrier.IDOf(m), err)
	p.Touch(p)
}

// refuseSignal refuses a numbered signal, after those before it.
func (x *session) refuseSignal(p *carrier.Peer, n uint64, err error, idle bool) {
	if !idle {
		x.push(p, task{n: n, err: err})
		return
	}
	x.refusals.add(n, err, x.srv.engine.Limits().Window)
	p.RefuseSignal(n, err)
	p.Handled(n)
	p.Touch(p)
}

// direct hands a signal to remote listeners at the end of the row, if there are no others. Size
// is how long its data are as JSON.
func (x *session) direct(p *carrier.Peer, in *inbound, m *wire.Msg, size int) bool {
	to, err := in.signal.route()
	if err != nil || to.local {
		return false
	}
	if to.fan != nil {
		data := m.Data
		if m.DataBreaks {
			data = wire.CompactNewlines(nil, data)
		}
		f := to.fan.(*fan)
		if m.Traceparent != nil || m.Hops > 0 {
			f = f.caused(causeOf(m))
		}
		payload := x.copier.Copy(data)
		if x.srv.engine.Mixed() {
			payload = f.shared(payload, p.Payload(m, nil).Codec, size)
		}
		x.row.add(f, payload, p)
	}
	if in.signal.meter.Load() != nil {
		x.seen(in, p.Payload(m, m.Data), size, p.Stays())
	}
	return true
}

// lateInfo is what is needed to find a signal later: when what the client sent before
// has been done, its sender may be there.
func (x *session) lateInfo(m *wire.Msg) *lateInfo {
	return &lateInfo{info: append([]byte(nil), m.Info...), binary: m.Binary}
}

type lateInfo struct {
	info   []byte
	binary bool
}

// inbound finds the signal that a message names. It remembers what it found.
func (x *session) inbound(m *wire.Msg) (*inbound, error) {
	if in, ok := x.routes.get(m.Info); ok && !in.sender.gone.Load() && in.rights == x.rights() {
		return in, nil
	}
	in, err := x.resolve(m.Info, m.Binary)
	if err != nil {
		return nil, err
	}
	x.routes.put(m.Info, in, maxRoutes)
	return in, nil
}

// resolve finds the signal that info names, and checks that it is the client's own.
func (x *session) resolve(info []byte, binary bool) (*inbound, error) {
	if info == nil {
		return nil, sig.Errorf(sig.ErrInvalid, "invalid arguments, missing info")
	}
	name, event, _, err := wire.ParseInfo(info, binary)
	if err != nil {
		return nil, err
	}
	rights := x.rights()
	if err := rights.Check(auth.Trigger, name, event); err != nil {
		return nil, err
	}
	x.mu.Lock()
	snd := x.senders[name]
	x.mu.Unlock()
	if snd == nil {
		if x.srv.senders.get(name) == nil {
			return nil, sig.Errorf(sig.ErrNoSender, "sender %s not found", quoted(name))
		}
		return nil, sig.Errorf(sig.ErrRefused, "sender %s is not yours: only who added a sender may signal as it", quoted(name))
	}
	sg := snd.signal(event)
	if sg == nil {
		return nil, snd.noSignal(event)
	}
	return &inbound{sender: snd, signal: sg, rights: rights}, nil
}

// signalCall deals with a signal that came as a call.
func (x *session) signalCall(p *carrier.Peer, m *wire.Msg) {
	idle := x.serial.idle()
	in, err := x.inbound(m)
	switch {
	case err != nil && (idle || m.Info == nil):
		p.ReplyError(carrier.IDOf(m), err)
		p.Answered()
		p.Touch(p)
	case err == nil && idle && x.direct(p, in, m, 0):
		p.Reply(carrier.IDOf(m), nil)
		p.Answered()
		p.Touch(p)
	default:
		t := task{in: in, cause: causeOf(m), data: x.payload(p, m, m.Data), call: x.newCall(p, m)}
		if err != nil {
			t.late = x.lateInfo(m)
		}
		x.push(p, t)
	}
}

// runSignal dispatches a signal in its turn.
func (x *session) runSignal(t *task) error {
	if t.late != nil {
		in, err := x.resolve(t.late.info, t.late.binary)
		if err != nil {
			return err
		}
		t.in = in
	}
	to, err := t.in.signal.route()
	if err != nil {
		return err
	}
	if m := t.in.signal.meter.Load(); m != nil {
		m.remote(t.data, t.size)
	}
	if to.fan != nil {
		f := to.fan.(*fan).caused(t.cause)
		f.deliverOne(f.shared(carrier.Payload{Data: t.data.Data}, t.data.Codec, t.size), false)
	}
	if !to.local {
		return nil
	}
	return t.in.signal.deliverEvent(to, sig.Event{Origin: t.cause.origin(&t.in.signal.origin), Data: t.data.Raw()})
}

// begins notes that a numbered signal is going to be dispatched. It reports false when the
// client has come back meanwhile, and sends it again.
func (x *session) begins(t *task) bool {
	x.turning.Lock()
	defer x.turning.Unlock()
	if t.turn != x.turn {
		return false
	}
	x.begun = t.n
	return true
}

// nextTurn prepares for another connection of the client: of the signals that came by the
// last one only those whose dispatch has begun are dispatched. The others come again, if the
// client does; meanwhile their sender has gone.
func (x *session) nextTurn() {
	x.turning.Lock()
	defer x.turning.Unlock()
	x.turn++
	x.wire.Forsake(x.begun)
}

// runNumbered is runSignal for one with a number.
func (x *session) runNumbered(t *task) {
	if !x.begins(t) {
		return
	}
	err := t.err
	if err == nil {
		err = x.runSignal(t)
	}
	if err != nil {
		x.refusals.add(t.n, err, x.srv.engine.Limits().Window)
		if p := x.peer.Load(); p != nil {
			p.RefuseSignal(t.n, err)
		}
	}
	x.wire.Handled(t.n)
}
