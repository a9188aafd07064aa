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
// Tracer.Handler and Tracer.Request do the same for requests, inside one process: a request
// that goes over a carrier does not carry its trace along yet, so that the spans of the two
// ends are of two traces. Tracer.Middleware gives a router's own part a span, and Metrics
// shows the totals of a router as instruments.
package sigotel
