package api

import (
	"context"
	"fmt"

	"github.com/sigrouter/sigrouter/sig"
)

// A Remote is a sender, here or far away, whose methods are called. It costs nothing to
// have one, whether or not the sender exists. It may be used by several goroutines at once.
type Remote struct {
	bus    sig.Bus
	sender string
	prefix string // of an instance: "id."
}

// At returns the sender of that name, with options for the calls made to it.
func At(b sig.Bus, sender string, opts ...CallOption) *Remote {
	if len(opts) > 0 {
		b = With(b, opts...)
	}
	return &Remote{bus: b, sender: sender}
}

// Sender returns the sender's name.
func (r *Remote) Sender() string { return r.sender }

// String returns the sender's name, and after a slash the instance's id.
func (r *Remote) String() string {
	if r.prefix == "" {
		return r.sender
	}
	return r.sender + "/" + r.prefix[:len(r.prefix)-1]
}

// Instance returns one of the values behind a sender made by ExposeEach. It is created by
// the first call.
func (r *Remote) Instance(id string) *Remote {
	return &Remote{r.bus, r.sender, r.prefix + id + "."}
}

// Call calls a method. The response is decoded with its Decode.
func (r *Remote) Call(ctx context.Context, method string, args ...any) (sig.Response, error) {
	resp, err := r.bus.Request(ctx, r.sender, r.prefix+method, params(args))
	if err != nil {
		return resp, arrived(r.bus, err)
	}
	return resp, nil
}

// Describe asks what the sender offers.
func (r *Remote) Describe(ctx context.Context) (Description, error) {
	return Describe(ctx, r.bus, r.sender)
}

// Ask calls a method of a remote and returns its result as an R.
func Ask[R any](ctx context.Context, r *Remote, method string, args ...any) (R, error) {
	resp, err := r.Call(ctx, method, args...)
	if err != nil {
		var none R
		return none, err
	}
	v, err := sig.As[R](resp.Data)
	if err != nil {
		return v, fmt.Errorf("response of %s.%s: %w", r, method, err)
	}
	return v, nil
}
