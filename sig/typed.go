package sig

import (
	"context"
	"fmt"
)

// On adds a listener that gets the data as a T. An event whose data is no T is not
// handed over; onError, if not nil, is told.
func On[T any](b Bus, sender, event string, fn func(Event, T), onError func(Event, error), opts ...ListenOption) (Subscription, error) {
	return b.AddListener(sender, event, func(e Event) {
		v, err := As[T](e.Data)
		switch {
		case err == nil:
			fn(e, v)
		case onError != nil:
			onError(e, err)
		}
	}, append([]ListenOption{Helper()}, opts...)...)
}

// Ask is Request with a typed response.
func Ask[R any](ctx context.Context, b Bus, sender, method string, params any) (R, error) {
	resp, err := b.Request(ctx, sender, method, params)
	if err != nil {
		var none R
		return none, err
	}
	r, err := As[R](resp.Data)
	if err != nil {
		return r, fmt.Errorf("response of %s.%s: %w", sender, method, err)
	}
	return r, nil
}

// Handle makes a Handler of a function with typed parameters and result. Parameters
// that are no P are answered with ErrInvalid before fn is called.
func Handle[P, R any](fn func(ctx context.Context, params P) (R, error)) Handler {
	return func(ctx context.Context, r Request) (any, error) {
		p, err := As[P](r.Params)
		if err != nil {
			return nil, Errorf(ErrInvalid, "parameters of %s.%s: %v", r.Sender, r.Method, err)
		}
		return fn(ctx, p)
	}
}

// A TypedSignal triggers one event with data of one type.
type TypedSignal[T any] struct{ signal Signal }

// SignalOf returns the sender's signal for data of type T.
func SignalOf[T any](s Sender, event string) (TypedSignal[T], error) {
	sg, err := s.Signal(event)
	return TypedSignal[T]{sg}, err
}

// Trigger is Signal.Trigger for a T.
func (s TypedSignal[T]) Trigger(data T) error { return s.signal.Trigger(data) }

// Listeners is Signal.Listeners.
func (s TypedSignal[T]) Listeners() int { return s.signal.Listeners() }

// TriggerTraced is s.Trigger for an event that carries a trace context, so that who
// listens, in whatever process, can go on with the trace: see Origin.Traceparent. A Signal
// that cannot do it triggers without.
func TriggerTraced(s Signal, traceparent string, data any) error {
	if t, ok := s.(interface {
		TriggerTraced(traceparent string, data any) error
	}); ok && traceparent != "" {
		return t.TriggerTraced(traceparent, data)
	}
	return s.Trigger(data)
}
