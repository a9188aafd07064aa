package router

import (
	"bytes"
	"context"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// TriggerTraced is Trigger for an event that carries a trace context; see
// sig.TriggerTraced.
func (s *signal) TriggerTraced(traceparent string, data any) error {
	if m := s.meter.Load(); m != nil {
		m.triggered(nil, data)
	}
	return s.emit(sig.Event{Origin: s.traced(traceparent), Data: data})
}

// traced returns the origin of an event that carries a trace context; "" is none.
func (s *signal) traced(traceparent string) *sig.Origin {
	return tracedOrigin(&s.origin, traceparent)
}

func tracedOrigin(o *sig.Origin, traceparent string) *sig.Origin {
	if traceparent == "" {
		return o
	}
	traced := *o
	traced.Traceparent = traceparent
	return &traced
}

// traced returns the fan for one event, which may carry a trace context.
func (f *fan) traced(traceparent string) *fan {
	if traceparent == "" {
		return f
	}
	t := *f
	t.route = tracedRoute(f.route, traceparent)
	return &t
}

func tracedRoute(r *carrier.Route, traceparent string) *carrier.Route {
	quoted := wire.AppendString(nil, traceparent)
	return r.Traced(quoted[1 : len(quoted)-1])
}

// A cause is what a request or an event carries of what it was caused by.
type cause struct {
	trace string // its trace context; "" for none
	hops  uint32
}

func causeOf(m *wire.Msg) cause { return cause{traceOf(m), m.Hops} }

// caused returns the context for the handler of a request that came with a cause. ctx has
// the hops of what is caused by a request without.
func caused(ctx context.Context, c cause) context.Context {
	if c.hops > 0 {
		ctx = sig.WithHops(ctx, int(c.hops)+1)
	}
	return sig.WithTraceparent(ctx, c.trace)
}

// traceOf returns the traceparent of a message, "" for most. A traceparent has no
// characters that JSON escapes, and what has some is none.
func traceOf(m *wire.Msg) string {
	if m.Traceparent == nil || bytes.IndexByte(m.Traceparent, '\\') >= 0 {
		return ""
	}
	return string(m.Traceparent)
}
