package api_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/sig"
)

// noting appends its name to a list on the way in and on the way out.
func noting(list *[]string, name string) api.Middleware {
	return func(next sig.Handler) sig.Handler {
		return func(ctx context.Context, r sig.Request) (any, error) {
			*list = append(*list, name+" "+r.Method)
			defer func() { *list = append(*list, name) }()
			return next(ctx, r)
		}
	}
}

func TestMiddlewareOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		var list []string
		exposeCalc(t, local, api.Use(noting(&list, "in1"), noting(&list, "in2")))
		b := api.With(api.With(caller, api.Use(noting(&list, "out1"))), api.Use(noting(&list, "out2")))
		n, err := api.Call[int](t.Context(), b, "calc", "multiply", 6, 7)
		require.NoError(t, err)
		require.Equal(t, 42, n)
		require.Equal(t, "out1 multiply,out2 multiply,in1 multiply,in2 multiply,in2,in1,out2,out1", strings.Join(list, ","))
	})
}

func TestMiddlewareRefuses(t *testing.T) {
	refuse := func(sig.Handler) sig.Handler {
		return func(context.Context, sig.Request) (any, error) { return nil, sig.Errorf(sig.ErrRefused, "not today") }
	}
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		s := exposeCalc(t, local, api.Use(refuse))
		require.ErrorIs(t, api.Do(t.Context(), caller, "calc", "shut"), sig.ErrRefused)
		_, err := api.Describe(t.Context(), caller, "calc")
		require.ErrorIs(t, err, sig.ErrRefused)
		require.NoError(t, s.Remove())
	})
	b := newBus(t)
	exposeCalc(t, b)
	require.EqualError(t, api.Do(t.Context(), api.With(b, api.Use(refuse)), "calc", "shut"), "not today")
}

func TestTimedAndLogged(t *testing.T) {
	var log bytes.Buffer
	var took []string
	b := newBus(t)
	exposeCalc(t, b, api.Use(
		api.Timed(func(r sig.Request, d time.Duration, err error) {
			require.GreaterOrEqual(t, d, time.Duration(0))
			took = append(took, r.Method)
		}),
		api.Logged(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))))
	require.NoError(t, api.Do(t.Context(), b, "calc", "last"))
	require.Error(t, api.Do(t.Context(), b, "calc", "fail"))
	require.Equal(t, []string{"last", "fail"}, took)
	require.Regexp(t, `level=DEBUG msg=call sender=calc method=last took=\S+\n`, log.String())
	require.Regexp(t, `level=INFO msg=call sender=calc method=fail took=\S+ err="it went wrong"\n`, log.String())
}

func TestKey(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		exposeCalc(t, local, api.Use(api.CheckKey("correct horse", "battery staple")))
		err := api.Do(t.Context(), caller, "calc", "last")
		require.ErrorIs(t, err, sig.ErrRefused)
		require.EqualError(t, err, "calc.last needs a key; send one with api.SendKey")
		err = api.Do(t.Context(), api.With(caller, api.SendKey("wrong")), "calc", "last")
		require.EqualError(t, err, "calc.last: this key is not accepted")

		b := api.With(caller, api.SendKey("battery staple"))
		n, err := api.Call[int](t.Context(), b, "calc", "multiply", 6, 7)
		require.NoError(t, err)
		require.Equal(t, 42, n)
		require.NoError(t, api.Do(t.Context(), b, "calc", "last"))
		_, err = api.Describe(t.Context(), b, "calc")
		require.NoError(t, err)
	})
}

func TestMeta(t *testing.T) {
	var got map[string]string
	keep := func(next sig.Handler) sig.Handler {
		return func(ctx context.Context, r sig.Request) (any, error) {
			got = api.MetaFrom(ctx)
			return next(ctx, r)
		}
	}
	add := func(next sig.Handler) sig.Handler {
		return func(ctx context.Context, r sig.Request) (any, error) {
			r.Params = api.AddMeta(r.Params, "user", "ada")
			return next(ctx, r)
		}
	}
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		exposeCalc(t, local, api.Use(keep))
		require.NoError(t, api.Do(t.Context(), caller, "calc", "remember", 1))
		require.Nil(t, got)
		require.NoError(t, api.Do(t.Context(), api.With(caller, api.Use(add)), "calc", "remember", 1))
		require.Equal(t, map[string]string{"user": "ada"}, got)
		b := api.With(caller, api.WithMeta("trace", "7"), api.Use(add))
		require.NoError(t, api.Do(t.Context(), b, "calc", "remember", 1))
		require.Equal(t, map[string]string{"user": "ada", "trace": "7"}, got)
		b = api.With(b, api.WithMeta("trace", "8"))
		require.NoError(t, api.Do(t.Context(), b, "calc", "last"))
		require.Equal(t, map[string]string{"user": "ada", "trace": "8"}, got)
	})
	b := newBus(t)
	exposeCalc(t, b)
	raw := &sig.Raw{Codec: sig.JSON{}, Bytes: []byte(` { "#meta":7, "#params":[]}`)}
	_, err := b.Request(t.Context(), "calc", "last", raw)
	require.ErrorIs(t, err, sig.ErrMalformed)
}
