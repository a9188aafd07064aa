package router

import (
	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// A served request is answered by a handler of this process, in a goroutine of its own.
type served struct {
	callContext
	session *session
	peer    *carrier.Peer
	method  *method
	params  sig.Raw // no bytes: none
	run     runID
	id      []byte
	num     uint64
	bin     bool
}

// serve has a handler of this process answer a request that just came, if there is one;
// what is wrong with it is said in its turn, see request.
func (x *session) serve(p *carrier.Peer, m *wire.Msg) bool {
	if m.ParamsBad || m.Sender == nil || m.Target == nil {
		return false
	}
	to, err := x.srv.method(string(m.Sender), string(m.Target))
	if err != nil || !x.rights().May(auth.Request, to.call.Sender, to.call.Method) {
		return false
	}
	if m.Binary {
		if _, err := p.Check(m, m.Args); err != nil {
			return false
		}
	}
	r := &served{session: x, peer: p, method: to, run: runID{num: m.Num}, num: m.Num, bin: m.Binary}
	r.setParams(x.payload(p, m, m.Args))
	if !m.Binary && m.ID != nil {
		r.id = append([]byte(nil), m.ID...)
	}
	if !m.HasNum {
		r.run.text = string(r.id)
	}
	r.start()
	return true
}

// request is serve for one that had to wait for what came before it, and says what is
// wrong.
func (x *session) request(c *call) {
	to, err := x.mayAsk(c)
	if err != nil {
		c.reply(nil, err)
		return
	}
	r := &served{session: x, peer: c.peer, method: to, run: c.run, id: c.id, num: c.num, bin: c.bin}
	r.setParams(c.args)
	r.start()
}

func (r *served) setParams(args carrier.Encoded) {
	r.params = sig.Raw{Codec: args.SigCodec(), Bytes: args.Data}
}

func (x *session) mayAsk(c *call) (*method, error) {
	if !c.hasNames {
		return nil, sig.Errorf(sig.ErrInvalid, "invalid arguments, missing sender or method")
	}
	if err := x.rights().Check(auth.Request, c.sender, c.target); err != nil {
		return nil, err
	}
	if c.bin {
		lim := x.srv.engine.Limits()
		if _, err := x.srv.engine.Check(c.args, lim.MaxDepth, lim.MaxMessage); err != nil && len(c.args.Data) > 0 {
			return nil, err
		}
	}
	return x.srv.method(c.sender, c.target)
}

func (r *served) start() {
	x := r.session
	r.Context = x.caller()
	r.deadline = x.srv.engine.Clock().Add(x.srv.engine.Limits().CallTimeout)
	x.running.add(r.run, &r.callContext)
	x.srv.workers.Add(1)
	go r.serve()
}

func (r *served) serve() {
	defer r.session.srv.workers.Done()
	defer r.session.running.finish(r.run, &r.callContext)
	var params any
	if len(r.params.Bytes) > 0 {
		params = &r.params
	}
	returned := false
	defer func() {
		if !returned { // the handler has called runtime.Goexit
			r.reply(sig.Response{}, endedItself(r.method.call.Sender, r.method.call.Method))
		}
	}()
	resp, err := r.method.answer(r, params)
	returned = true
	r.reply(resp, err)
}

func (r *served) reply(resp sig.Response, err error) {
	var data carrier.Encoded
	if err == nil {
		data, err = encodeFor(r.peer.Codec(), resp.Data)
	}
	if err != nil {
		r.peer.ReplyError(r.id, r.num, r.bin, err)
	} else {
		r.peer.Answer(r.id, r.num, r.bin, data)
	}
	r.peer.Flush(r.peer.Answered())
}
