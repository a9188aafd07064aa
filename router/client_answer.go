package router

import (
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// answer is a request of the server's that a handler of this process answers.
type answer struct {
	callContext
	client *ClientRouter
	peer   *carrier.Peer
	method *method
	params any
}

func (a *answer) serve() {
	c := a.client
	defer c.running.finish(&a.callContext)
	returned := false
	defer func() {
		if !returned { // the handler has called runtime.Goexit
			a.reply(sig.Response{}, endedItself(a.method.call.Sender, a.method.call.Method))
		}
	}()
	resp, err := a.method.answer(a, a.params)
	returned = true
	a.reply(resp, err)
}

func (a *answer) reply(resp sig.Response, err error) {
	var data carrier.Encoded
	if err == nil {
		data, err = encodeFor(a.peer.Codec(), resp.Data)
	}
	if err != nil {
		a.peer.ReplyError(a.id, err)
	} else {
		a.peer.Answer(a.id, data)
	}
	a.peer.Answered()
}

func (a *answer) to() *carrier.Peer { return a.peer }

// asked returns the method that the server asks for, of a sender that this client added
// there; those of its own Router are none of the server's business.
func (c *ClientRouter) asked(sender, name string) (*method, error) {
	snd := c.senders.get(sender)
	if snd == nil || snd.owner != any(c) {
		return nil, sig.Errorf(sig.ErrNoSender, "sender %s not found", quoted(sender))
	}
	if m := snd.method(name); m != nil {
		return m, nil
	}
	return snd.other(name)
}

// Cancel is called by the engine when the server gives up on a request.
func (h clientHandler) Cancel(_ *carrier.Peer, id carrier.CallID) {
	c := h.ClientRouter
	c.running.cancel(id)
}
