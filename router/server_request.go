package router

import (
	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// serve has a handler of this process answer a request that just came.
func (x *session) serve(p *carrier.Peer, m *wire.Msg, to *method) {
	args := x.payload(p, m, m.Args)
	r := &served{peer: p, method: to, params: x.arena.Raw(args.SigCodec(), args.Data)}
	r.id = carrier.IDOf(m)
	x.prepare(r, causeOf(m)) // BatchEnd begins
}

// request is serve for one that had to wait for what came before it, and says what is
// wrong.
func (x *session) request(c *call) {
	to, err := x.mayAsk(c)
	if err != nil {
		c.reply(nil, err)
		return
	}
	r := &served{peer: c.peer, method: to, params: c.args.Raw()}
	r.id = c.id
	x.prepare(r, c.cause)
	x.crew.begin(nil)
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
func (x *session) prepare(r *served, c cause) {
	r.Context = caused(x.caller(), c)
	if _, away := r.method.sender.owner.(*session); away { // it is passed on, which is no hop
		r.Context = sig.WithHops(r.Context, int(c.hops))
	}
	r.deadline = x.srv.engine.Clock().Add(x.srv.engine.Limits().CallTimeout)
	x.running.add(&r.callContext)
	x.crew.add(r)
}
