package router

import (
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// asked returns the method that the server asks for, of a sender that this client added
// there; those of its own Router are none of the server's business.
func (c *ClientRouter) asked(sender, name string) (*method, error) {
	snd := c.senders.get(sender)
	if snd == nil || snd.owner != any(c) {
		return nil, sig.Errorf(sig.ErrNoSender, "sender %s not found", quoted(sender))
	}
	return snd.answers(name)
}

// Cancel is called by the engine when the server gives up on a request.
func (h clientHandler) Cancel(_ *carrier.Peer, id carrier.CallID) {
	c := h.ClientRouter
	c.running.cancel(id)
}
