package sigotel_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/sigrouter/sigrouter"
	sigotel "github.com/sigrouter/sigrouter/contrib/otel"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A program is one of several, with spans of its own.
type program struct {
	tracer *sigotel.Tracer
	spans  *tracetest.InMemoryExporter
	tp     *sdktrace.TracerProvider
}

func newProgram(t *testing.T, o sigotel.Options) *program {
	t.Helper()
	p := &program{spans: tracetest.NewInMemoryExporter()}
	p.tp = sdktrace.NewTracerProvider(sdktrace.WithSyncer(p.spans))
	t.Cleanup(func() { require.NoError(t, p.tp.Shutdown(context.Background())) })
	p.tracer = o.New(p.tp)
	return p
}

// span waits for the one span of a name.
func (p *program) span(t *testing.T, name string) tracetest.SpanStub {
	t.Helper()
	var found tracetest.SpanStub
	require.Eventually(t, func() bool {
		n := 0
		for _, s := range p.spans.GetSpans() {
			if s.Name == name {
				found = s
				n++
			}
		}
		return n == 1
	}, 10*time.Second, time.Millisecond, "one span %q", name)
	return found
}

// dial connects a client to a server.
func dial(t *testing.T, url string) *router.ClientRouter {
	t.Helper()
	c, err := sigrouter.Dial(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// One trace goes from a program over TCP through a router and over TCP to another.
func TestTraceAcrossProcesses(t *testing.T) {
	a, b, r := newProgram(t, sigotel.Options{}), newProgram(t, sigotel.Options{}), newProgram(t, sigotel.Options{})
	srv := sigrouter.NewServer()
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	l, err := srv.Listen(t.Context(), "tcp://127.0.0.1:0")
	require.NoError(t, err)
	_, err = srv.Use(sig.Any, sig.Any, r.tracer.Middleware())
	require.NoError(t, err)

	heard := make(chan context.Context, 1)
	_, err = dial(t, l.URL()).AddRemoteListener(t.Context(), "timer", "tic", b.tracer.Listener(func(ctx context.Context, e sig.Event) { heard <- ctx }))
	require.NoError(t, err)
	timer, err := dial(t, l.URL()).AddRemoteSender(t.Context(), "timer", sig.Events("tic"))
	require.NoError(t, err)
	tic, err := a.tracer.Signal(timer, "tic")
	require.NoError(t, err)
	ctx, root := a.tp.Tracer("test").Start(t.Context(), "root")
	require.NoError(t, tic.Trigger(ctx, 42))
	root.End()
	seen := <-heard

	send, route, process := a.span(t, "send timer tic"), r.span(t, "route timer tic"), b.span(t, "process timer tic")
	trace1 := root.SpanContext().TraceID()
	for _, s := range []tracetest.SpanStub{send, route, process} {
		require.Equal(t, trace1, s.SpanContext.TraceID(), s.Name)
	}
	require.Equal(t, root.SpanContext().SpanID(), send.Parent.SpanID())
	require.Equal(t, send.SpanContext.SpanID(), route.Parent.SpanID())
	require.Equal(t, route.SpanContext.SpanID(), process.Parent.SpanID())
	require.True(t, process.Parent.IsRemote())
	require.Equal(t, process.SpanContext.SpanID(), trace.SpanContextFromContext(seen).SpanID())
	require.Equal(t, trace.SpanKindProducer, send.SpanKind)
	require.Equal(t, trace.SpanKindConsumer, process.SpanKind)
}

// So it is with requests, also with one that a handler makes for another.
func TestRequestsAcrossProcesses(t *testing.T) {
	a, b, c := newProgram(t, sigotel.Options{}), newProgram(t, sigotel.Options{}), newProgram(t, sigotel.Options{})
	srv := sigrouter.NewServer()
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	l, err := srv.Listen(t.Context(), "tcp://127.0.0.1:0")
	require.NoError(t, err)
	calc, shop := dial(t, l.URL()), dial(t, l.URL())
	_, err = calc.AddRemoteSender(t.Context(), "calc", sig.Answer("sum", c.tracer.Handler(func(context.Context, sig.Request) (any, error) { return 3, nil })))
	require.NoError(t, err)
	_, err = shop.AddRemoteSender(t.Context(), "shop", sig.Answer("price", b.tracer.Handler(func(ctx context.Context, _ sig.Request) (any, error) {
		resp, err := b.tracer.Request(ctx, shop.Remote(), "calc", "sum", 1)
		return resp.Data, err
	})))
	require.NoError(t, err)
	_, err = a.tracer.Request(t.Context(), dial(t, l.URL()).Remote(), "shop", "price", nil)
	require.NoError(t, err)

	asks, sums := a.span(t, "shop price"), c.span(t, "calc sum")
	answers, asksOn := b.span(t, "shop price"), b.span(t, "calc sum")
	require.Equal(t, asks.SpanContext.SpanID(), answers.Parent.SpanID())
	require.True(t, answers.Parent.IsRemote())
	require.Equal(t, answers.SpanContext.SpanID(), asksOn.Parent.SpanID())
	require.Equal(t, asksOn.SpanContext.SpanID(), sums.Parent.SpanID())
	require.Equal(t, asks.SpanContext.TraceID(), sums.SpanContext.TraceID())
}

// What a listener triggers and asks with its context has a hop more behind it than the event.
func TestHops(t *testing.T) {
	p := newProgram(t, sigotel.Options{Roots: true})
	bus := router.New()
	t.Cleanup(func() { require.NoError(t, bus.Close()) })
	ring, err := bus.AddSender("ring", sig.Events("e"))
	require.NoError(t, err)
	e, err := p.tracer.Signal(ring, "e")
	require.NoError(t, err)
	var hops []int
	var failed error
	_, err = bus.AddListener("ring", "e", p.tracer.Listener(func(ctx context.Context, ev sig.Event) {
		hops = append(hops, ev.Hops)
		if err := e.Trigger(ctx, nil); err != nil {
			failed = err
		}
	}))
	require.NoError(t, err)
	require.NoError(t, e.Trigger(t.Context(), nil))
	require.Len(t, hops, 17)
	require.Equal(t, 16, hops[16])
	require.ErrorIs(t, failed, sig.ErrLimit)
}

// An event without a trace has no span, unless that is wished for.
func TestRoots(t *testing.T) {
	for _, roots := range []bool{false, true} {
		p := newProgram(t, sigotel.Options{Roots: roots})
		bus := router.New()
		t.Cleanup(func() { require.NoError(t, bus.Close()) })
		called := 0
		_, err := bus.AddListener("timer", "tic", p.tracer.Listener(func(context.Context, sig.Event) { called++ }))
		require.NoError(t, err)
		timer, err := bus.AddSender("timer", sig.Events("tic"))
		require.NoError(t, err)
		tic, err := timer.Signal("tic")
		require.NoError(t, err)
		require.NoError(t, tic.Trigger(1))
		require.Equal(t, 1, called)
		require.Equal(t, roots, len(p.spans.GetSpans()) == 1)
	}
}

// In one process a request's two spans are of one trace, and say how it went.
func TestRequests(t *testing.T) {
	p := newProgram(t, sigotel.Options{})
	bus := router.New()
	t.Cleanup(func() { require.NoError(t, bus.Close()) })
	_, err := bus.AddSender("calc", sig.Answer("halve", p.tracer.Handler(func(_ context.Context, r sig.Request) (any, error) {
		n, err := sig.As[int](r.Params)
		if err == nil && n%2 == 1 {
			err = errors.New("it is odd")
		}
		return n / 2, err
	})))
	require.NoError(t, err)
	resp, err := p.tracer.Request(t.Context(), bus, "calc", "halve", 8)
	require.NoError(t, err)
	require.Equal(t, 4, resp.Data)
	spans := p.spans.GetSpans()
	require.Len(t, spans, 2)
	require.Equal(t, spans[1].SpanContext.SpanID(), spans[0].Parent.SpanID())
	require.Equal(t, trace.SpanKindServer, spans[0].SpanKind)
	p.spans.Reset()
	_, err = p.tracer.Request(t.Context(), bus, "calc", "halve", 7)
	require.EqualError(t, err, "it is odd")
	for _, s := range p.spans.GetSpans() {
		require.Equal(t, codes.Error, s.Status.Code)
		require.Equal(t, "it is odd", s.Status.Description)
	}
}

// A panic of a listener is in its span, and reaches the router as ever.
func TestPanic(t *testing.T) {
	p := newProgram(t, sigotel.Options{Roots: true})
	var caught any
	bus := router.Options{OnPanic: func(p router.Panic) { caught = p.Value }}.New()
	t.Cleanup(func() { require.NoError(t, bus.Close()) })
	_, err := bus.AddListener("timer", "tic", p.tracer.Listener(func(context.Context, sig.Event) { panic("oh") }))
	require.NoError(t, err)
	timer, err := bus.AddSender("timer", sig.Events("tic"))
	require.NoError(t, err)
	tic, err := p.tracer.Signal(timer, "tic")
	require.NoError(t, err)
	require.NoError(t, tic.Trigger(t.Context(), 1))
	require.Equal(t, "oh", caught)
	require.Equal(t, codes.Error, p.span(t, "process timer tic").Status.Code)
}

func TestMetrics(t *testing.T) {
	srv := router.ServerOptions{Name: "kitchen"}.New()
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	reader := sdkmetric.NewManualReader()
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	t.Cleanup(func() { require.NoError(t, mp.Shutdown(context.Background())) })
	stop, err := sigotel.Metrics(mp, srv)
	require.NoError(t, err)
	timer, err := srv.AddSender("timer", sig.Events("tic"))
	require.NoError(t, err)
	tic, err := timer.Signal("tic")
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, tic.Trigger(1))
	}
	collect := func() map[string][]metricdata.DataPoint[int64] {
		var out metricdata.ResourceMetrics
		require.NoError(t, reader.Collect(t.Context(), &out))
		points := map[string][]metricdata.DataPoint[int64]{}
		for _, s := range out.ScopeMetrics {
			for _, m := range s.Metrics {
				switch d := m.Data.(type) {
				case metricdata.Sum[int64]:
					require.True(t, d.IsMonotonic)
					points[m.Name] = d.DataPoints
				case metricdata.Gauge[int64]:
					points[m.Name] = d.DataPoints
				}
			}
		}
		return points
	}
	got := collect()
	require.EqualValues(t, 3, got["sig.events"][0].Value)
	require.EqualValues(t, 1, got["sig.senders"][0].Value)
	require.Len(t, got["sig.events.dropped"], 4, "one for each reason")
	name, ok := got["sig.events"][0].Attributes.Value("sig.router")
	require.True(t, ok)
	require.Equal(t, "kitchen", name.AsString())
	require.NoError(t, stop())
	require.Empty(t, collect())
}
