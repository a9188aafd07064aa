package router

import (
	"bytes"

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

// traceOf returns the traceparent of a message, "" for most. A traceparent has no
// characters that JSON escapes, and what has some is none.
func traceOf(m *wire.Msg) string {
	if m.Traceparent == nil || bytes.IndexByte(m.Traceparent, '\\') >= 0 {
		return ""
	}
	return string(m.Traceparent)
}
