package router

import (
	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// A served request is answered by a handler of this process.
type served struct {
	callContext
	session *session
	peer    *carrier.Peer
	method  *method
	params  sig.Raw // no bytes: none
}

// serve has a handler of this process answer a request that just came.
func (x *session) serve(p *carrier.Peer, m *wire.Msg, to *method) {
	r := &served{session: x, peer: p, method: to}
	r.id = carrier.IDOf(m)
	r.setParams(x.payload(p, m, m.Args))
	r.prepare(causeOf(m)) // BatchEnd begins
}

// request is serve for one that had to wait for what came before it, and says what is
// wrong.
func (x *session) request(c *call) {
	to, err := x.mayAsk(c)
	if err != nil {
		c.reply(nil, err)
		return
	}
	r := &served{session: x, peer: c.peer, method: to}
	r.id = c.id
	r.setParams(c.args)
	r.prepare(c.cause)
	x.crew.begin(nil)
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
	if c.id.Binary() {
		lim := x.srv.engine.Limits()
		if _, err := x.srv.engine.Check(c.args, lim.MaxDepth, lim.MaxMessage); err != nil && len(c.args.Data) > 0 {
			return nil, err
		}
	}
	return x.srv.method(c.sender, c.target)
}

// prepare hands the request to the crew.
func (r *served) prepare(c cause) {
	x := r.session
	r.Context = caused(x.caller(), c)
	if _, away := r.method.sender.owner.(*session); away { // it is passed on, which is no hop
		r.Context = sig.WithHops(r.Context, int(c.hops))
	}
	r.deadline = x.srv.engine.Clock().Add(x.srv.engine.Limits().CallTimeout)
	x.running.add(&r.callContext)
	x.crew.add(r)
}

func (r *served) to() *carrier.Peer { return r.peer }

func (r *served) serve() {
	defer r.session.running.finish(&r.callContext)
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
		r.peer.ReplyError(r.id, err)
	} else {
		r.peer.Answer(r.id, data)
	}
	r.peer.Answered()
}
