package sig

import "context"

// traceKey is the key of a context's traceparent.
type traceKey struct{}

// WithTraceparent returns a context whose requests carry a trace context, as W3C Trace
// Context has it, to the handler that answers them, in whatever process; "" changes
// nothing. One of more than 256 bytes does not travel.
func WithTraceparent(ctx context.Context, traceparent string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return context.WithValue(ctx, traceKey{}, traceparent)
}

// Traceparent returns the trace context that a context has, "" for most: in a handler that
// of the request. Requests that the handler makes with its own context carry it on.
func Traceparent(ctx context.Context) string {
	t, _ := ctx.Value(traceKey{}).(string)
	return t
}
