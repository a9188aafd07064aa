package sigotel_test

import (
	"context"
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	sigotel "github.com/sigrouter/sigrouter/contrib/otel"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// An event that is triggered with a span is heard with one that is its child.
func Example() {
	spans := tracetest.NewInMemoryExporter() // yours is OTLP, say
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	tracer := sigotel.New(provider)

	bus := router.New() // or a client's Remote()
	defer bus.Close()
	_, _ = bus.AddListener("timer", "tic", tracer.Listener(func(ctx context.Context, e sig.Event) {
		fmt.Println("heard", e.Data)
	}))
	timer, _ := bus.AddSender("timer", sig.Events("tic"))
	tic, _ := tracer.Signal(timer, "tic")
	_ = tic.Trigger(context.Background(), 42)

	for _, s := range spans.GetSpans() {
		fmt.Println(s.SpanKind, s.Name, s.Parent.IsValid())
	}
	// Output:
	// heard 42
	// consumer process timer tic true
	// producer send timer tic false
}
