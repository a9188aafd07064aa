package api_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/api/schema"
	"github.com/sigrouter/sigrouter/sig"
)

type grade string

func (grade) Choices() []string { return []string{"good", "bad"} }

type report struct {
	Name  string `json:"name"`
	Grade grade  `json:"grade"`
}

func serveReports(t *testing.T, b sig.Bus) *api.Service {
	t.Helper()
	s, err := api.Serve(b, "reports", api.Emits[report]("graded", ""),
		api.Method("echo", "", func(_ context.Context, r report) (report, error) { return r, nil }, api.CheckResult()),
		api.Method("wrong", "", func(context.Context, api.None) (report, error) { return report{"x", "fair"}, nil }, api.CheckResult()),
		api.Method("late", "", func(context.Context, api.None) (*api.Deferred[report], error) {
			d := api.NewDeferred[report]()
			d.Complete(report{"x", "fair"})
			return d, nil
		}, api.CheckResult()),
		api.Method("lax", "", func(context.Context, api.None) (report, error) { return report{"x", "fair"}, nil }),
		api.Method("never", "", func(ctx context.Context, _ api.None) (api.None, error) { <-ctx.Done(); return api.None{}, ctx.Err() }))
	require.NoError(t, err)
	return s
}

func funcOf[P, R any](t *testing.T, b sig.Bus, method string, timeout time.Duration) *api.Func[P, R] {
	t.Helper()
	f, err := api.NewFunc[P, R](api.At(b, "reports"), method, timeout)
	require.NoError(t, err)
	return f
}

func TestFunc(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		serveReports(t, local)
		echo := funcOf[report, report](t, caller, "echo", time.Minute)
		want := report{"Zoë", "good"}
		got, err := echo.Call(t.Context(), want)
		require.NoError(t, err)
		require.Equal(t, want, got)

		// What is out of range is not sent.
		for _, bad := range []report{{"x", "fair"}, {"\xff", "good"}} {
			_, err = echo.Call(t.Context(), bad)
			var p *api.ParamError
			require.ErrorAs(t, err, &p)
			require.ErrorIs(t, err, sig.ErrInvalid)
			require.Equal(t, "reports.echo", p.Method)
			require.Contains(t, p.Usage, "echo(name: string, grade: string)")
		}
		_, err = funcOf[api.None, report](t, caller, "wrong", 0).Call(t.Context(), api.None{})
		require.EqualError(t, err, `result of reports.wrong: grade: "fair" does not fit; expected one of good, bad`)
		_, err = funcOf[api.None, report](t, caller, "late", 0).Call(t.Context(), api.None{})
		require.EqualError(t, err, `result of reports.late: grade: "fair" does not fit; expected one of good, bad`)

		// Nor is it received from those who sent it nevertheless.
		_, err = funcOf[api.None, report](t, caller, "lax", 0).Call(t.Context(), api.None{})
		var p *schema.Problem
		require.ErrorAs(t, err, &p)

		_, err = funcOf[api.None, api.None](t, caller, "never", time.Millisecond).Call(t.Context(), api.None{})
		require.ErrorIs(t, err, sig.ErrTimeout)
		require.EqualError(t, err, "reports.never: no answer within 1ms")
		_, err = funcOf[report, api.None](t, caller, "echo", 0).Call(t.Context(), want)
		require.NoError(t, err)
	})
	_, err := api.NewFunc[struct{ C chan int }, api.None](api.At(newBus(t), "x"), "y", 0)
	require.ErrorContains(t, err, "parameters of x.y")
	_, err = api.NewFunc[api.None, chan int](api.At(newBus(t), "x"), "y", 0)
	require.ErrorContains(t, err, "result of x.y")
}

func TestFeed(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		s := serveReports(t, local)
		graded, err := api.NewSignal[report](s.Sender(), "graded")
		require.NoError(t, err)
		bad := make(chan error, 10)
		feed, err := api.NewFeed[report](api.With(caller, api.OnBadEvent(func(_ sig.Event, err error) { bad <- err })), "reports", "graded")
		require.NoError(t, err)
		got := make(chan report, 10)
		sub, err := feed.On(func(e sig.Event, r report) {
			if e.Sender == "reports" && e.Name == "graded" {
				got <- r
			}
		})
		require.NoError(t, err)
		require.NoError(t, graded.Trigger(report{"Ada", "good"}))
		require.Equal(t, report{"Ada", "good"}, receive(t, got))
		require.ErrorContains(t, graded.Trigger(report{"Ada", "fair"}), "expected one of good, bad")

		lax, err := s.Sender().Signal("graded")
		require.NoError(t, err)
		require.NoError(t, lax.Trigger(map[string]any{"name": "Ada", "grade": "fair"}))
		require.ErrorContains(t, receive(t, bad), "grade: ")
		require.NoError(t, lax.Trigger(map[string]any{"name": "Ada", "grade": "bad"}))
		require.Equal(t, report{"Ada", "bad"}, receive(t, got))

		c, err := api.NewClient(caller, "reports.app", api.None{},
			api.Method("graded", "", func(_ context.Context, r report) (api.None, error) {
				feed.Deliver("reports", r)
				return api.None{}, nil
			}))
		require.NoError(t, err)
		require.NoError(t, graded.TriggerTo(t.Context(), api.At(local, c.Name()), report{"Bob", "good"}))
		require.Equal(t, report{"Bob", "good"}, receive(t, got))
		require.ErrorContains(t, graded.TriggerTo(t.Context(), api.At(local, c.Name()), report{}), "grade: ")
		require.NoError(t, c.Close())
		require.ErrorIs(t, graded.TriggerTo(t.Context(), api.At(local, c.Name()), report{"Bob", "good"}), sig.ErrNoSender)
		sub.Remove()
		feed.Deliver("reports", report{"Bob", "good"})
		require.NoError(t, graded.Trigger(report{"Ada", "good"}))
		require.Empty(t, got)
	})
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		require.Fail(t, "nothing came")
		panic("unreachable")
	}
}

type describer struct{}

func (describer) Describe() string { return "mine" }

func TestNoDescribe(t *testing.T) {
	b := newBus(t)
	_, err := api.Expose(b, "x", describer{}, api.NoDescribe())
	require.NoError(t, err)
	text, err := api.Call[string](t.Context(), b, "x", "describe")
	require.NoError(t, err)
	require.Equal(t, "mine", text)
}
