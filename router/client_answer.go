package router

import (
	"context"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// answer is a request of the server's that a handler of this process answers.
type answer struct {
	client *ClientRouter
	peer   *carrier.Peer
	id     []byte
	num    uint64
	bin    bool
	ctx    callContext

	sender, method string
	params         any
}

func (a *answer) serve() {
	c := a.client
	defer c.running.finish(&a.ctx)
	returned := false
	defer func() {
		if !returned { // the handler has called runtime.Goexit
			a.reply(sig.Response{}, endedItself(a.sender, a.method))
		}
	}()
	resp, err := c.askOwn(&a.ctx, a)
	returned = true
	a.reply(resp, err)
}

func (a *answer) reply(resp sig.Response, err error) {
	var data carrier.Encoded
	if err == nil {
		data, err = encodeFor(a.peer.Codec(), resp.Data)
	}
	if err != nil {
		a.peer.ReplyError(a.id, a.num, a.bin, err)
	} else {
		a.peer.Answer(a.id, a.num, a.bin, data)
	}
	a.peer.Answered()
}

func (a *answer) to() *carrier.Peer { return a.peer }

// askOwn asks a sender that this client added at the server; those of its own Router
// are none of the server's business.
func (c *ClientRouter) askOwn(ctx context.Context, a *answer) (sig.Response, error) {
	if snd := c.senders.get(a.sender); snd == nil || snd.owner != any(c) {
		return sig.Response{}, sig.Errorf(sig.ErrNoSender, "sender %s not found", quoted(a.sender))
	}
	return c.Router.answer(ctx, a.sender, a.method, a.params)
}

// Cancel is called by the engine when the server gives up on a request.
func (h clientHandler) Cancel(_ *carrier.Peer, num uint64, text string) {
	c := h.ClientRouter
	c.running.cancel(runID{num, text})
}
