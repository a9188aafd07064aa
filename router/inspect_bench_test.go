//go:build unix

package router

import (
	"context"
	"fmt"
	"testing"

	"github.com/sigrouter/sigrouter/sig"
)

// BenchmarkInspected compares what is hot with and without an inspector.
func BenchmarkInspected(b *testing.B) {
	for _, inspected := range []bool{false, true} {
		for _, listeners := range []int{1, 8} {
			b.Run(fmt.Sprintf("trigger/%d/inspected=%v", listeners, inspected), func(b *testing.B) {
				r, _ := newRouter(b, Options{})
				if inspected {
					r.Inspect()
				}
				n := 0
				for range listeners {
					addListener(b, r, "timer", "tic", func(sig.Event) { n++ })
				}
				tic := addSignal(b, r, "timer", "tic")
				payload := &struct{ n int }{}
				b.ReportAllocs()
				for b.Loop() {
					_ = tic.Trigger(payload)
				}
			})
		}
		b.Run(fmt.Sprintf("request/inspected=%v", inspected), func(b *testing.B) {
			r, _ := newRouter(b, Options{})
			if inspected {
				r.Inspect()
			}
			addSender(b, r, "timer", sig.Answer("echo", func(_ context.Context, q sig.Request) (any, error) { return q.Params, nil }))
			echo := r.Method("timer", "echo")
			payload := &struct{ n int }{}
			b.ReportAllocs()
			for b.Loop() {
				_, _ = echo.Request(context.Background(), payload)
			}
		})
	}
}

// BenchmarkRouteInspected is BenchmarkRoute while the router is inspected.
func BenchmarkRouteInspected(b *testing.B) {
	b.Run("frame/1", func(b *testing.B) { benchmarkRoute(b, true, 1, func(s *ServerRouter) { s.Status() }) })
	b.Run("json/1", func(b *testing.B) { benchmarkRoute(b, false, 1, func(s *ServerRouter) { s.Status() }) })
}
