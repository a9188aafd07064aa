// Package sigotel makes spans and metrics of OpenTelemetry of what passes a router.
//
// The trace context travels with an event as its traceparent, over every carrier and
// through every router, whether these know OpenTelemetry or not:
//
//	tracer := sigotel.New(provider)
//	tic, err := tracer.Signal(timer, "tic")                       // a sig.Sender
//	err = tic.Trigger(ctx, 42)                                    // a span; the event carries it on
//
//	bus.AddListener("timer", "tic", tracer.Listener(func(ctx context.Context, e sig.Event) {
//		// ctx has a span that is a child of the one above, in whatever process
//	}))
//
// Tracer.Handler and Tracer.Request do the same for requests: the handler's span is a child
// of the caller's, in whatever process. Tracer.Middleware gives a router's own part in an
// event a span, and Metrics shows the totals of a router as instruments.
package sigotel
