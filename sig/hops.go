package sig

import "context"

// hopsKey is the key of a context's hops.
type hopsKey struct{}

// WithHops returns a context whose requests have that many hops behind them: requests to
// other processes, each made by the handler of the one before. Routers do it for handlers;
// so does a program that answers what comes to it by another way. Below 0 is 0.
func WithHops(ctx context.Context, hops int) context.Context {
	if hops = max(hops, 0); hops == Hops(ctx) {
		return ctx
	}
	return context.WithValue(ctx, hopsKey{}, hops)
}

// Hops returns how many hops a request made with ctx has behind it: 0 for most, and in a
// handler one more than the request that it answers, if that came from another process. Who
// passes on the context it was given ends circles of requests: a request with more hops than
// the limit MaxHops is refused with ErrLimit, in whatever process it has come to.
func Hops(ctx context.Context) int {
	n, _ := ctx.Value(hopsKey{}).(int)
	return n
}

// TriggerFrom is s.Trigger in a listener: for an event that is triggered because of another,
// cause. It has one hop more behind it, and the trace context of cause. That ends circles of
// events, in one process and across several: with more hops than the limit MaxHops it fails
// with ErrLimit. A Signal that cannot do it triggers without hops.
//
// For a request that is made because of an event, give its context WithHops(ctx, e.Hops+1).
func TriggerFrom(s Signal, cause Event, data any) error {
	if cause.Origin == nil {
		return s.Trigger(data)
	}
	if f, ok := s.(interface {
		TriggerFrom(cause Event, data any) error
	}); ok {
		return f.TriggerFrom(cause, data)
	}
	return TriggerTraced(s, cause.Traceparent, data)
}

// TriggerFrom is the function TriggerFrom for a T.
func (s TypedSignal[T]) TriggerFrom(cause Event, data T) error {
	return TriggerFrom(s.signal, cause, data)
}
