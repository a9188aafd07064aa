package router

import (
	"context"
	"strconv"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// task is something a client sent that is done in order: a signal for listeners of
// this process, or a call.
type task struct {
	n     uint64 // number of a fast-lane signal; 0: classic, or a call
	turn  uint32 // the connection of the session that a numbered signal came by
	in    *inbound
	late  *lateInfo // instead of in: to be found in its turn
	cause cause     // of the signal
	data  carrier.Encoded
	size  int   // of the data as JSON at most, where they are not
	err   error // instead of all: why the signal with the number is refused
	call  *call // nil: a signal with a number
}

// call is one call of a client.
type call struct {
	peer   *carrier.Peer
	method string
	params []byte
	id     carrier.CallID

	// of a request
	hasNames       bool
	sender, target string
	cause          cause
	args           carrier.Encoded
}

// newCall copies what is needed of a message.
func (x *session) newCall(p *carrier.Peer, m *wire.Msg) *call {
	c := &call{peer: p, method: string(m.Method), id: carrier.IDOf(m)}
	if c.method == "request" {
		c.sender, c.target = string(m.Sender), string(m.Target)
		c.hasNames = m.Sender != nil && m.Target != nil
		c.args, c.cause = x.payload(p, m, m.Args), causeOf(m)
	} else {
		c.params = append([]byte(nil), m.Params...)
	}
	return c
}

// reply answers a call with a value that is encoded as JSON.
func (c *call) reply(v any, err error) {
	var data []byte
	if err == nil && v != nil {
		data, err = sig.JSON{}.Marshal(v)
	}
	c.replyRaw(data, err)
}

func (c *call) replyRaw(data []byte, err error) {
	switch {
	case err != nil:
		c.peer.ReplyError(c.id, err)
	case data == nil:
		c.peer.Reply(c.id, nil)
	default: // which may be too long
		c.peer.Answer(c.id, carrier.Encoded{Data: data})
	}
	c.peer.Answered()
	c.peer.Kick()
}

// payload returns a copy of a payload that may be kept and, once it is checked, sent on to
// anybody.
func (x *session) payload(p *carrier.Peer, m *wire.Msg, data []byte) carrier.Encoded {
	if m.DataBreaks {
		data = wire.CompactNewlines(nil, data)
	}
	return p.Payload(m, x.arena.Copy(data))
}

// call begins a call, in the goroutine that reads.
func (x *session) call(p *carrier.Peer, m *wire.Msg) {
	x.row.end(p)
	if string(m.Method) == "hello" {
		x.hello(p, m)
		return
	}
	request := string(m.Method) == "request"
	err := x.srv.engine.CheckHops(uint64(m.Hops))
	if err == nil {
		err = p.Asking(request)
	}
	if err != nil {
		p.ReplyError(carrier.IDOf(m), err)
		p.Touch(p)
		return
	}
	switch {
	case string(m.Method) == "signal":
		x.signalCall(p, m)
	case request && x.serial.idle() && x.atOnce(p, m):
	default:
		x.push(p, task{call: x.newCall(p, m)})
	}
}

// maxTasks is how much of what a client sent may wait for listeners of this process.
// When it is reached its connection is not read for a time.
const maxTasks = 4096

func (x *session) push(p *carrier.Peer, t task) {
	x.row.end(p)
	t.turn = x.turn
	x.serial.push(t)
	if x.serial.len() > maxTasks {
		x.finishTasks()
	}
}

// atOnce begins a request that can be begun here and now; of another it is said in its turn
// what is wrong, see request.
func (x *session) atOnce(p *carrier.Peer, m *wire.Msg) bool {
	if m.ParamsBad || m.Sender == nil || m.Target == nil {
		return false
	}
	snd := x.srv.senders.get(string(m.Sender))
	if snd == nil {
		return false
	}
	to := snd.method(string(m.Target))
	if to == nil && (snd.rest == nil || sig.CheckName("method", string(m.Target)) != nil) {
		return false
	}
	if !x.rights().May(auth.Request, snd.name, string(m.Target)) {
		return false
	}
	if m.Binary {
		if _, err := p.Check(m, m.Args); err != nil {
			return false
		}
	}
	if owner, ok := snd.owner.(*session); ok {
		return x.forward(p, m, snd, owner)
	}
	if to == nil {
		to, _ = snd.other(string(m.Target)) // which it answers: that was looked at
	}
	x.serve(p, m, to)
	return true
}

// forward passes a request on to the client that owns the sender.
func (x *session) forward(p *carrier.Peer, m *wire.Msg, snd *sender, owner *session) bool {
	to := owner.peer.Load()
	if to == nil {
		return false
	}
	args := m.Args
	if m.DataBreaks {
		args = wire.CompactNewlines(nil, args)
	}
	if err := to.Forward(p, m, args, snd.callWatch(string(m.Target))); err != nil {
		p.ReplyError(carrier.IDOf(m), err)
		p.Answered()
		p.Touch(p)
		return true
	}
	p.Touch(to)
	return true
}

// runBatch runs tasks in order.
func (x *session) runBatch(batch []task, next *int) {
	for *next < len(batch) {
		t := &batch[*next]
		*next++
		switch {
		case t.call == nil:
			x.runNumbered(t)
		case t.in != nil || t.late != nil:
			t.call.replyRaw(nil, x.runSignal(t))
		default:
			x.runCall(t.call)
		}
	}
}

// kick has the client told what was handled.
func (x *session) kick() {
	if p := x.peer.Load(); p != nil {
		p.Kick()
	}
}

// runCall runs one method.
func (x *session) runCall(c *call) {
	switch c.method {
	case "request":
		x.request(c)
	case "get_version":
		c.reply(classicVersion, nil)
	case "list_senders":
		c.reply(x.listSenders(c.params))
	case "add_sender":
		c.reply(nil, x.addSender(c.params))
	case "remove_sender":
		c.reply(nil, x.removeSender(c.params))
	case "add_listener":
		x.addListener(c)
	case "remove_listener":
		c.reply(nil, x.removeListener(c.params))
	case "ping":
		c.reply(nil, nil)
	case "":
		c.reply(nil, &sig.Error{Status: sig.StatusNoName, Code: "no_name", Message: "the call names no method"})
	default:
		c.reply(nil, &sig.Error{Status: sig.StatusNoMethod, Code: sig.ErrNoMethod.Code, Message: "no method " + quoted(c.method) + " at a server"})
	}
}

// quoted shows hostile text on one short line.
func quoted(s string) string {
	const most = 64
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

func (x *session) listSenders(params []byte) (any, error) {
	var in struct {
		ListEvents bool `json:"list_events"`
	}
	if err := decodeParams(params, &in); err != nil {
		return nil, err
	}
	infos, err := x.srv.Senders(context.Background())
	if err != nil {
		return nil, err
	}
	out := []listedSender{{Connected: true}}
	if in.ListEvents {
		out[0].Events = []listedEvent{{}}
	}
	for _, info := range infos {
		if info.Name == nil {
			continue
		}
		events, ok := x.mayList(info)
		if !ok {
			continue
		}
		l := listedSender{Sender: info.Name, Connected: info.Connected}
		if in.ListEvents {
			l.Events = []listedEvent{{}}
			for _, e := range events {
				l.Events = append(l.Events, listedEvent{&e})
			}
		}
		out = append(out, l)
	}
	return out, nil
}

// ask passes a request from this process on to the client.
func (x *session) ask(ctx context.Context, r sig.Request) (any, error) {
	p := x.peer.Load()
	if p == nil {
		return nil, sig.Errorf(sig.ErrNotConnected, "the client that owns sender %q is not connected", r.Sender)
	}
	params, err := encodeFor(p.Codec(), r.Params)
	if err != nil {
		return nil, err
	}
	out, raw, err := p.Request(ctx, r.Sender, r.Method, params)
	if err != nil || len(out.Data) == 0 {
		return nil, err
	}
	if p.Binary() {
		lim := x.srv.engine.Limits()
		if _, err := x.srv.engine.Check(out, lim.MaxDepth, lim.MaxMessage); err != nil {
			return nil, err
		}
	}
	return raw, nil
}
