package router

import (
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// A served request is one of a peer's that a handler of this process answers.
type served struct {
	callContext
	peer   *carrier.Peer
	method *method
	params any
}

// serve calls the handler, and replies without having the reply written.
func (r *served) serve() {
	defer r.set.finish(&r.callContext)
	returned := false
	defer func() {
		if !returned { // the handler has called runtime.Goexit
			r.reply(sig.Response{}, endedItself(r.method.call.Sender, r.method.call.Method))
		}
	}()
	resp, err := r.method.answer(r, r.params)
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
