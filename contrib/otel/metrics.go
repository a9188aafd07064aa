package sigotel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sigrouter/sigrouter/router"
)

// A Router is what Metrics tells of: a *router.Router or *router.ServerRouter.
type Router interface {
	Status() router.Status
}

// Metrics shows the totals of a router as instruments of a meter, by the names that they
// have in package metrics with dots: sig.events, sig.events.dropped. They are read when
// the reader collects. stop ends that.
func Metrics(p metric.MeterProvider, r Router) (stop func() error, err error) {
	r.Status() // from now on the router counts
	m := p.Meter(scope)
	attrs := metric.WithAttributes(attribute.String("sig.router", r.Status().Name))
	counters := map[string]func(*router.Status) uint64{
		"sig.events":          func(s *router.Status) uint64 { return s.Events },
		"sig.events.sent":     func(s *router.Status) uint64 { return s.Sent },
		"sig.requests":        func(s *router.Status) uint64 { return s.Requests },
		"sig.requests.failed": func(s *router.Status) uint64 { return s.Failed },
		"sig.received.bytes":  func(s *router.Status) uint64 { return s.BytesIn },
		"sig.sent.bytes":      func(s *router.Status) uint64 { return s.BytesOut },
	}
	gauges := map[string]func(*router.Status) int64{
		"sig.peers":        func(s *router.Status) int64 { return int64(s.Peers) },
		"sig.slow.peers":   func(s *router.Status) int64 { return int64(s.Slow) },
		"sig.senders":      func(s *router.Status) int64 { return int64(s.Senders) },
		"sig.signals":      func(s *router.Status) int64 { return int64(s.Signals) },
		"sig.listeners":    func(s *router.Status) int64 { return int64(s.Listeners) },
		"sig.queued.bytes": func(s *router.Status) int64 { return s.QueuedBytes },
	}
	type reading struct {
		instrument metric.Int64Observable
		value      func(*router.Status) int64
	}
	var all []reading
	var instruments []metric.Observable
	for name, value := range counters {
		c, err := m.Int64ObservableCounter(name)
		if err != nil {
			return nil, err
		}
		all = append(all, reading{c, func(s *router.Status) int64 { return int64(value(s)) }})
		instruments = append(instruments, c)
	}
	for name, value := range gauges {
		g, err := m.Int64ObservableGauge(name)
		if err != nil {
			return nil, err
		}
		all = append(all, reading{g, value})
		instruments = append(instruments, g)
	}
	dropped, err := m.Int64ObservableCounter("sig.events.dropped")
	if err != nil {
		return nil, err
	}
	reg, err := m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := r.Status()
		for _, x := range all {
			o.ObserveInt64(x.instrument, x.value(&s), attrs)
		}
		for reason, n := range s.DroppedBy {
			o.ObserveInt64(dropped, int64(n), attrs, metric.WithAttributes(attribute.String("reason", reason)))
		}
		return nil
	}, append(instruments, dropped)...)
	if err != nil {
		return nil, err
	}
	return reg.Unregister, nil
}
