package api_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/sig"
)

// BenchmarkCall compares a call in process with a plain request of the same payload: the
// promise is three times its time at most.
// It allocates nothing of its own; TestCallAllocates holds it to that.
func BenchmarkCall(b *testing.B) {
	bus := newBus(b)
	ctx := context.Background()
	opts := []sig.SenderOption{
		sig.Answer("multiply", func(_ context.Context, r sig.Request) (any, error) {
			args := r.Params.([]any)
			return args[0].(int) * args[1].(int), nil
		}),
		sig.Answer("birthday", func(_ context.Context, r sig.Request) (any, error) {
			p := *r.Params.(*person)
			p.Age++
			return p, nil
		}),
	}
	if _, err := bus.AddSender("plain", opts...); err != nil {
		b.Fatal(err)
	}
	if _, err := api.Expose(bus, "calc", &calc{}); err != nil {
		b.Fatal(err)
	}
	birthday := func(_ context.Context, p person) (person, error) { p.Age++; return p, nil }
	if _, err := api.Serve(bus, "people", api.Method("birthday", "", birthday)); err != nil {
		b.Fatal(err)
	}
	ada := person{"Ada", 36}

	b.Run("args/plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			resp, err := bus.Request(ctx, "plain", "multiply", []any{700, 6})
			if err != nil || resp.Data.(int) != 4200 {
				b.Fatal(resp, err)
			}
		}
	})
	b.Run("args/api", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n, err := api.Call[int](ctx, bus, "calc", "multiply", 700, 6)
			if err != nil || n != 4200 {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("args/reflection", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := api.Call[[]any](ctx, bus, "calc", "div_mod", 700, 6); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("struct/plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p := ada
			resp, err := bus.Request(ctx, "plain", "birthday", &p)
			if err != nil || resp.Data.(person).Age != 37 {
				b.Fatal(resp, err)
			}
		}
	})
	b.Run("struct/api", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p := ada
			got, err := sig.Ask[person](ctx, bus, "people", "birthday", &p)
			if err != nil || got.Age != 37 {
				b.Fatal(got, err)
			}
		}
	})
}

// TestCallAllocates holds a call to the allocations of a plain request.
func TestCallAllocates(t *testing.T) {
	bus := newBus(t)
	_, err := bus.AddSender("still", sig.Answer("x", func(context.Context, sig.Request) (any, error) { return nil, nil }))
	require.NoError(t, err)
	_, err = api.Expose(bus, "calc", &calc{}, api.Method("age", "", func(_ context.Context, p person) (int, error) { return 4200, nil }))
	require.NoError(t, err)
	ctx := context.Background()
	for _, c := range []struct {
		what       string
		plain, api func() error
	}{
		{"two arguments", func() error {
			_, err := bus.Request(ctx, "still", "x", []any{700, 6})
			return err
		}, func() error {
			_, err := api.Call[int](ctx, bus, "calc", "multiply", 0, 6)
			return err
		}},
		{"a pointer to a struct", func() error {
			_, err := bus.Request(ctx, "still", "x", &person{"Ada", 36})
			return err
		}, func() error {
			_, err := sig.Ask[int](ctx, bus, "calc", "age", &person{"Ada", 36})
			return err
		}},
		{"nothing", func() error {
			_, err := bus.Request(ctx, "still", "x", nil)
			return err
		}, func() error { return api.Do(ctx, bus, "calc", "last") }},
	} {
		count := func(call func() error) float64 {
			return testing.AllocsPerRun(100, func() {
				if err := call(); err != nil {
					t.Fatal(err)
				}
			})
		}
		// The result may have to be put on the heap.
		require.LessOrEqual(t, count(c.api), count(c.plain)+1, c.what)
	}
}
