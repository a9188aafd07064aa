package sigotel

import (
	"context"
	"runtime/debug"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// scope names this package to OpenTelemetry.
const scope = "github.com/sigrouter/sigrouter/contrib/otel"

// Options tunes a Tracer. The zero value is ready for use.
type Options struct {
	// Roots begins a trace with each event that a listener gets without one. By default
	// such events have no span: most events of a busy router would.
	Roots bool
}

// A Tracer makes spans. It may be used by several goroutines at once.
type Tracer struct {
	tracer trace.Tracer
	roots  bool
}

// New makes a Tracer with default options.
func New(p trace.TracerProvider) *Tracer { return Options{}.New(p) }

// New makes a Tracer.
func (o Options) New(p trace.TracerProvider) *Tracer {
	return &Tracer{p.Tracer(scope), o.Roots}
}

// A Signal triggers one event of one sender, with a span for each.
type Signal struct {
	signal sig.Signal
	tracer *Tracer
	origin sig.Origin
}

// Signal returns the handle that triggers one of a sender's events, as sig.Sender does.
func (t *Tracer) Signal(s sig.Sender, event string) (*Signal, error) {
	signal, err := s.Signal(event)
	if err != nil {
		return nil, err
	}
	return &Signal{signal, t, sig.Origin{Sender: s.Name(), Name: event}}, nil
}

// Trigger is sig.Signal.Trigger. The event carries the span that this makes, which is a
// child of the one in ctx, and the hops of ctx: those of a Listener and of a handler end
// circles, see sig.TriggerFrom. ctx has no say otherwise.
func (s *Signal) Trigger(ctx context.Context, data any) error {
	ctx, span := s.tracer.event(ctx, &s.origin, "send", trace.SpanKindProducer)
	defer span.End()
	hops := sig.Hops(ctx)
	if hops == 0 {
		return failed(span, sig.TriggerTraced(s.signal, traceparent(ctx), data))
	}
	cause := sig.Event{Origin: &sig.Origin{Traceparent: traceparent(ctx), Hops: hops - 1}}
	return failed(span, sig.TriggerFrom(s.signal, cause, data))
}

// Listeners is sig.Signal.Listeners.
func (s *Signal) Listeners() int { return s.signal.Listeners() }

// Listener returns a listener that calls fn with a context which has a span for the
// call: a child of the one that the event carries. What is triggered and requested with the
// context has one hop more behind it than the event.
func (t *Tracer) Listener(fn func(context.Context, sig.Event)) sig.Listener {
	return func(e sig.Event) {
		if e.Traceparent == "" && !t.roots {
			fn(sig.WithHops(context.Background(), e.Hops+1), e)
			return
		}
		ctx, span := t.event(sig.WithHops(parent(e.Traceparent), e.Hops+1), e.Origin, "process", trace.SpanKindConsumer)
		defer span.End()
		defer panicked(span)
		fn(ctx, e)
	}
}

// Middleware returns a middleware that gives a span to what a router does with each event
// which carries one: calling its listeners and handing it to those of peers. They see it as
// the parent of theirs. Add it with Use, outermost.
func (t *Tracer) Middleware() router.Middleware {
	return func(next sig.Listener) sig.Listener {
		return func(e sig.Event) {
			if e.Traceparent == "" || e.Retained {
				next(e)
				return
			}
			ctx, span := t.event(parent(e.Traceparent), e.Origin, "route", trace.SpanKindInternal)
			defer span.End()
			origin := *e.Origin
			origin.Traceparent = traceparent(ctx)
			next(sig.Event{Origin: &origin, Data: e.Data})
		}
	}
}

// Handler returns a handler that gives a span to each request: a child of the caller's, in
// whatever process that is.
func (t *Tracer) Handler(h sig.Handler) sig.Handler {
	return func(ctx context.Context, r sig.Request) (any, error) {
		if !trace.SpanContextFromContext(ctx).IsValid() {
			ctx = propagation.TraceContext{}.Extract(ctx, &carried{sig.Traceparent(ctx)})
		}
		ctx, span := t.request(ctx, r.Sender, r.Method, trace.SpanKindServer)
		defer span.End()
		defer panicked(span)
		v, err := h(ctx, r)
		return v, failed(span, err)
	}
}

// Request is bus.Request with a span, which the request carries.
func (t *Tracer) Request(ctx context.Context, bus sig.Bus, sender, method string, params any) (sig.Response, error) {
	ctx, span := t.request(ctx, sender, method, trace.SpanKindClient)
	defer span.End()
	resp, err := bus.Request(sig.WithTraceparent(ctx, traceparent(ctx)), sender, method, params)
	return resp, failed(span, err)
}

// event begins a span of an event.
func (t *Tracer) event(ctx context.Context, o *sig.Origin, does string, kind trace.SpanKind) (context.Context, trace.Span) {
	return t.tracer.Start(ctx, does+" "+o.Sender+" "+o.Name, trace.WithSpanKind(kind), trace.WithAttributes(
		attribute.String("messaging.system", "sig"),
		attribute.String("messaging.operation.name", does),
		attribute.String("messaging.destination.name", o.Name),
		attribute.String("sig.sender", o.Sender),
		attribute.String("sig.event", o.Name),
	))
}

// request begins a span of a request.
func (t *Tracer) request(ctx context.Context, sender, method string, kind trace.SpanKind) (context.Context, trace.Span) {
	return t.tracer.Start(ctx, sender+" "+method, trace.WithSpanKind(kind), trace.WithAttributes(
		attribute.String("rpc.system", "sig"),
		attribute.String("rpc.service", sender),
		attribute.String("rpc.method", method),
	))
}

// failed notes an error in a span and returns it.
func failed(span trace.Span, err error) error {
	if err != nil {
		span.SetAttributes(attribute.String("error.type", sig.AsError(err).Code))
		span.SetStatus(codes.Error, err.Error())
	}
	return err
}

// panicked notes a panic, which goes on.
func panicked(span trace.Span) {
	if v := recover(); v != nil {
		span.SetAttributes(attribute.String("exception.stacktrace", string(debug.Stack())))
		span.SetStatus(codes.Error, "panic")
		panic(v)
	}
}

// carried reads and writes the one member of a trace context that travels.
type carried struct{ traceparent string }

func (c *carried) Get(key string) string {
	if key == "traceparent" {
		return c.traceparent
	}
	return ""
}

func (c *carried) Set(key, value string) {
	if key == "traceparent" {
		c.traceparent = value
	}
}

func (c *carried) Keys() []string { return []string{"traceparent"} }

// traceparent returns the text for the span in ctx, "" for none.
func traceparent(ctx context.Context) string {
	var c carried
	propagation.TraceContext{}.Inject(ctx, &c)
	return c.traceparent
}

// parent returns a context with the span that an event carries.
func parent(traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(context.Background(), &carried{traceparent})
}
