package api

import (
	"context"
	"fmt"
	"maps"

	"github.com/sigrouter/sigrouter/sig"
)

// Named are arguments by the names of the parameters. Give it to a call as the only
// argument.
type Named map[string]any

// Call calls a method of a sender and returns its result as an R. Arguments are passed by
// position, or by name as one Named. It waits until ctx ends at most. Any sender can be
// called so, whether it was exposed or not.
func Call[R any](ctx context.Context, b sig.Bus, sender, method string, args ...any) (R, error) {
	resp, err := b.Request(ctx, sender, method, params(args))
	if err != nil {
		var none R
		return none, arrived(b, err)
	}
	r, err := sig.As[R](resp.Data)
	if err != nil {
		return r, fmt.Errorf("response of %s.%s: %w", sender, method, err)
	}
	return r, nil
}

// Call2 is Call for a method with two results.
func Call2[A, B any](ctx context.Context, b sig.Bus, sender, method string, args ...any) (A, B, error) {
	var first A
	var second B
	list, err := Call[[]any](ctx, b, sender, method, args...)
	if err == nil && len(list) != 2 {
		err = fmt.Errorf("response of %s.%s has %d values, not 2", sender, method, len(list))
	}
	if err != nil {
		return first, second, err
	}
	if first, err = sig.As[A](list[0]); err == nil {
		second, err = sig.As[B](list[1])
	}
	if err != nil {
		return first, second, fmt.Errorf("response of %s.%s: %w", sender, method, err)
	}
	return first, second, nil
}

// Do calls a method whose result does not matter.
func Do(ctx context.Context, b sig.Bus, sender, method string, args ...any) error {
	if _, err := b.Request(ctx, sender, method, params(args)); err != nil {
		return arrived(b, err)
	}
	return nil
}

// params makes the payload of a request from arguments.
func params(args []any) any {
	if len(args) == 0 {
		return nil
	}
	if len(args) == 1 {
		if n, ok := args[0].(Named); ok {
			return map[string]any(n)
		}
	}
	return args
}

// arrived is common.arrived for a call over b, which may have seen to it already.
func arrived(b sig.Bus, err error) error {
	if _, ok := b.(*bus); ok {
		return err
	}
	var none common
	return none.arrived(err)
}

// With returns b with options for every request made through it: by Call, by sig.Ask,
// by generated clients. All else goes straight to b.
func With(b sig.Bus, opts ...CallOption) sig.Bus {
	w := &bus{Bus: b}
	if inner, ok := b.(*bus); ok { // one layer for any number of With
		w.Bus = inner.Bus
		w.cfg.around = append(w.cfg.around, inner.cfg.around...)
		w.cfg.errors = append(w.cfg.errors, inner.cfg.errors...)
		w.cfg.meta = maps.Clone(inner.cfg.meta)
		w.cfg.badEvent = inner.cfg.badEvent
	}
	for _, o := range opts {
		o.applyCall(&w.cfg)
	}
	w.head, _ = envelopeHead(w.cfg.meta) // strings: it does not fail
	w.request = wrap(w.send, w.cfg.around)
	return w
}

// A bus is a Bus with options for requests.
type bus struct {
	sig.Bus
	cfg     callConfig
	head    []byte // of an envelope with cfg.meta
	request sig.Handler
}

// Request asks a sender, with the options.
func (b *bus) Request(ctx context.Context, sender, method string, params any) (sig.Response, error) {
	if b.cfg.meta != nil {
		params = b.envelop(params)
	}
	var resp sig.Response
	var err error
	if len(b.cfg.around) == 0 {
		resp, err = b.Bus.Request(ctx, sender, method, params)
	} else {
		resp.Data, err = b.request(ctx, sig.NewRequest(sender, method, params))
	}
	if err != nil {
		return sig.Response{}, b.cfg.arrived(err)
	}
	return resp, nil
}

// send is what the middlewares are around.
func (b *bus) send(ctx context.Context, r sig.Request) (any, error) {
	resp, err := b.Bus.Request(ctx, r.Sender, r.Method, r.Params)
	if err != nil {
		return nil, b.cfg.arrived(err)
	}
	return resp.Data, nil
}

func (b *bus) envelop(params any) any {
	e, ok := params.(*Envelope)
	if !ok {
		return &Envelope{b.cfg.meta, params, b.head}
	}
	meta := maps.Clone(b.cfg.meta)
	maps.Copy(meta, e.Meta)
	return &Envelope{Meta: meta, Params: e.Params}
}
