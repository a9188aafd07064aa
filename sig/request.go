package sig

import "context"

// A Call names the method that a request asks for. All requests of one method share
// one Call: do not change it.
type Call struct {
	Sender string // name of the sender that is asked
	Method string // name of the method
}

// A Request is one question to a sender: which method, and with what parameters.
type Request struct {
	*Call

	// Params is what the caller gave: the same value in process, a *Raw when the
	// request came over a carrier, nil when there are none.
	Params any
}

// NewRequest makes a request as a router would, for tests and for programs that
// call a handler themselves.
func NewRequest(sender, method string, params any) Request {
	return Request{Call: &Call{Sender: sender, Method: method}, Params: params}
}

// Decode stores the request's parameters in the variable v points to. See Decode,
// the function, for the rules.
func (r Request) Decode(v any) error { return Decode(r.Params, v) }

// A Handler answers requests. Its context ends when the caller gives up, when the
// caller's connection is lost, and when the router closes. An error that is, or
// wraps, an *Error reaches the caller with its status, code and data; any other
// reaches it with its text, as status StatusFailed. A handler may be called from
// several goroutines at once.
type Handler func(ctx context.Context, r Request) (any, error)

// A Response is the answer to a request.
type Response struct {
	// Data is what the handler returned: the same value in process, a *Raw when the
	// response came over a carrier.
	Data any
}

// Decode stores the response in the variable v points to. See Decode, the function,
// for the rules.
func (r Response) Decode(v any) error { return Decode(r.Data, v) }
