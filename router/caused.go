package router

import (
	"bytes"
	"context"
	"fmt"
	"math"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// A cause is what a request or an event carries of what it was caused by.
type cause struct {
	trace string // its trace context; "" for none
	hops  uint32
}

func (c cause) none() bool { return c.trace == "" && c.hops == 0 }

func causeOf(m *wire.Msg) cause { return cause{traceOf(m), m.Hops} }

func causeOfEvent(o *sig.Origin) cause { return cause{o.Traceparent, hopsNumber(o.Hops)} }

// hopsNumber returns hops as they are sent.
func hopsNumber(hops int) uint32 { return uint32(min(max(hops, 0), math.MaxInt32)) }

// origin returns the origin of an event that has the cause.
func (c cause) origin(o *sig.Origin) *sig.Origin {
	if c.none() {
		return o
	}
	caused := *o
	caused.Traceparent, caused.Hops = c.trace, int(min(c.hops, math.MaxInt32))
	return &caused
}

// route returns the route of events that have the cause.
func (c cause) route(r *carrier.Route) *carrier.Route {
	if c.none() {
		return r
	}
	return r.Caused(wire.NewCause(c.trace, int(min(c.hops, math.MaxInt32))))
}

// caused returns the fan for one event, which may have a cause.
func (f *fan) caused(c cause) *fan {
	if c.none() {
		return f
	}
	t := *f
	t.route = c.route(f.route)
	return &t
}

// caused returns the context for the handler of a request that came with a cause. ctx has
// the hops of what is caused by a request without.
func caused(ctx context.Context, c cause) context.Context {
	if c.hops > 0 {
		ctx = sig.WithHops(ctx, int(c.hops)+1)
	}
	return sig.WithTraceparent(ctx, c.trace)
}

// TriggerTraced is Trigger for an event that carries a trace context; see
// sig.TriggerTraced.
func (s *signal) TriggerTraced(traceparent string, data any) error {
	return s.triggerCaused(cause{trace: traceparent}, data)
}

// TriggerFrom is Trigger for an event that is triggered because of another; see
// sig.TriggerFrom.
func (s *signal) TriggerFrom(e sig.Event, data any) error {
	hops := hopsNumber(e.Hops) + 1
	if err := s.sender.r.checkHops(hops); err != nil {
		return fmt.Errorf("%s/%s: %w", s.origin.Sender, s.origin.Name, err)
	}
	return s.triggerCaused(cause{e.Traceparent, hops}, data)
}

func (s *signal) triggerCaused(c cause, data any) error {
	if m := s.meter.Load(); m != nil {
		m.triggered(nil, data)
	}
	return s.emit(sig.Event{Origin: c.origin(&s.origin), Data: data})
}

// checkHops fails when an event has more hops behind it than MaxHops, which is the default
// where nothing is built on the router.
func (r *Router) checkHops(hops uint32) error {
	if r.checkHopsAt != nil {
		return r.checkHopsAt(uint64(hops))
	}
	l := carrier.Limits{}.WithDefaults()
	return l.CheckHops(uint64(hops))
}

// traceOf returns the traceparent of a message, "" for most. A traceparent has no
// characters that JSON escapes, and what has some is none.
func traceOf(m *wire.Msg) string {
	if m.Traceparent == nil || bytes.IndexByte(m.Traceparent, '\\') >= 0 {
		return ""
	}
	return string(m.Traceparent)
}
