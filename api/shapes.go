package api

import (
	"context"

	"github.com/sigrouter/sigrouter/sig"
)

// matchShape returns handlers that call a method directly, when its type is one of a few
// common ones; else nil. fn is the method as a function of its receiver. A call by
// reflection takes ten times as long.
func matchShape[T any](fn any, in *input) func(T) sig.Handler {
	if call := results0[T](fn); call != nil {
		return bind0(call, in)
	}
	for _, match := range []func(any, *input) func(T) sig.Handler{
		match1[T, int], match1[T, string], match1[T, float64], match1[T, bool],
		match2[T, int, int], match2[T, float64, float64], match2[T, string, string], match2[T, string, int],
	} {
		if h := match(fn, in); h != nil {
			return h
		}
	}
	return nil
}

type (
	call0[T any]       func(T, context.Context) (any, error)
	call1[T, A any]    func(T, context.Context, A) (any, error)
	call2[T, A, B any] func(T, context.Context, A, B) (any, error)
)

func results0[T any](fn any) call0[T] {
	switch f := fn.(type) {
	case func(T):
		return func(t T, _ context.Context) (any, error) { f(t); return nil, nil }
	case func(T) error:
		return func(t T, _ context.Context) (any, error) { return nil, f(t) }
	case func(T, context.Context):
		return func(t T, ctx context.Context) (any, error) { f(t, ctx); return nil, nil }
	case func(T, context.Context) error:
		return func(t T, ctx context.Context) (any, error) { return nil, f(t, ctx) }
	}
	for _, match := range []func(any) call0[T]{result0[T, int], result0[T, string], result0[T, float64], result0[T, bool]} {
		if call := match(fn); call != nil {
			return call
		}
	}
	return nil
}

func result0[T, R any](fn any) call0[T] {
	switch f := fn.(type) {
	case func(T) R:
		return func(t T, _ context.Context) (any, error) { return f(t), nil }
	case func(T) (R, error):
		return func(t T, _ context.Context) (any, error) { return either(f(t)) }
	case func(T, context.Context) R:
		return func(t T, ctx context.Context) (any, error) { return f(t, ctx), nil }
	case func(T, context.Context) (R, error):
		return func(t T, ctx context.Context) (any, error) { return either(f(t, ctx)) }
	}
	return nil
}

func bind0[T any](call call0[T], in *input) func(T) sig.Handler {
	return func(recv T) sig.Handler {
		return func(ctx context.Context, r sig.Request) (any, error) {
			if r.Params != nil {
				if err := in.read(r); err != nil {
					return nil, err
				}
			}
			return call(recv, ctx)
		}
	}
}

func match1[T, A any](fn any, in *input) func(T) sig.Handler {
	call := results1[T, A](fn)
	if call == nil {
		return nil
	}
	return func(recv T) sig.Handler {
		return func(ctx context.Context, r sig.Request) (any, error) {
			if args, ok := r.Params.([]any); ok && len(args) == 1 && !in.limited {
				if a, ok := args[0].(A); ok {
					return call(recv, ctx, a)
				}
			}
			var a A
			if err := in.read(r, &a); err != nil {
				return nil, err
			}
			return call(recv, ctx, a)
		}
	}
}

func results1[T, A any](fn any) call1[T, A] {
	switch f := fn.(type) {
	case func(T, A):
		return func(t T, _ context.Context, a A) (any, error) { f(t, a); return nil, nil }
	case func(T, A) error:
		return func(t T, _ context.Context, a A) (any, error) { return nil, f(t, a) }
	case func(T, context.Context, A):
		return func(t T, ctx context.Context, a A) (any, error) { f(t, ctx, a); return nil, nil }
	case func(T, context.Context, A) error:
		return func(t T, ctx context.Context, a A) (any, error) { return nil, f(t, ctx, a) }
	}
	for _, match := range []func(any) call1[T, A]{result1[T, A, int], result1[T, A, string], result1[T, A, float64], result1[T, A, bool]} {
		if call := match(fn); call != nil {
			return call
		}
	}
	return nil
}

func result1[T, A, R any](fn any) call1[T, A] {
	switch f := fn.(type) {
	case func(T, A) R:
		return func(t T, _ context.Context, a A) (any, error) { return f(t, a), nil }
	case func(T, A) (R, error):
		return func(t T, _ context.Context, a A) (any, error) { return either(f(t, a)) }
	case func(T, context.Context, A) R:
		return func(t T, ctx context.Context, a A) (any, error) { return f(t, ctx, a), nil }
	case func(T, context.Context, A) (R, error):
		return func(t T, ctx context.Context, a A) (any, error) { return either(f(t, ctx, a)) }
	}
	return nil
}

func match2[T, A, B any](fn any, in *input) func(T) sig.Handler {
	call := results2[T, A, B](fn)
	if call == nil {
		return nil
	}
	return func(recv T) sig.Handler {
		return func(ctx context.Context, r sig.Request) (any, error) {
			if args, ok := r.Params.([]any); ok && len(args) == 2 && !in.limited {
				a, okA := args[0].(A)
				b, okB := args[1].(B)
				if okA && okB {
					return call(recv, ctx, a, b)
				}
			}
			var a A
			var b B
			if err := in.read(r, &a, &b); err != nil {
				return nil, err
			}
			return call(recv, ctx, a, b)
		}
	}
}

func results2[T, A, B any](fn any) call2[T, A, B] {
	switch f := fn.(type) {
	case func(T, A, B):
		return func(t T, _ context.Context, a A, b B) (any, error) { f(t, a, b); return nil, nil }
	case func(T, A, B) error:
		return func(t T, _ context.Context, a A, b B) (any, error) { return nil, f(t, a, b) }
	case func(T, context.Context, A, B):
		return func(t T, ctx context.Context, a A, b B) (any, error) { f(t, ctx, a, b); return nil, nil }
	case func(T, context.Context, A, B) error:
		return func(t T, ctx context.Context, a A, b B) (any, error) { return nil, f(t, ctx, a, b) }
	}
	for _, match := range []func(any) call2[T, A, B]{result2[T, A, B, int], result2[T, A, B, string], result2[T, A, B, float64], result2[T, A, B, bool]} {
		if call := match(fn); call != nil {
			return call
		}
	}
	return nil
}

func result2[T, A, B, R any](fn any) call2[T, A, B] {
	switch f := fn.(type) {
	case func(T, A, B) R:
		return func(t T, _ context.Context, a A, b B) (any, error) { return f(t, a, b), nil }
	case func(T, A, B) (R, error):
		return func(t T, _ context.Context, a A, b B) (any, error) { return either(f(t, a, b)) }
	case func(T, context.Context, A, B) R:
		return func(t T, ctx context.Context, a A, b B) (any, error) { return f(t, ctx, a, b), nil }
	case func(T, context.Context, A, B) (R, error):
		return func(t T, ctx context.Context, a A, b B) (any, error) { return either(f(t, ctx, a, b)) }
	}
	return nil
}

// either returns a result or an error, never both.
func either[R any](r R, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}
