package api

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// A Middleware wraps what happens to a call: next goes on with it. On the exposing side
// next is the method; on the calling side next makes the request. It may refuse the call
// by returning an error instead, and look at or change the request and the result. In
// process parameters and results are Go values, of a far side they are *sig.Raw.
type Middleware func(next sig.Handler) sig.Handler

// wrap puts the middlewares around h, the first outermost.
func wrap(h sig.Handler, around []Middleware) sig.Handler {
	for i := len(around) - 1; i >= 0; i-- {
		h = around[i](h)
	}
	return h
}

// Timed tells fn how long each call took and how it ended.
func Timed(fn func(r sig.Request, took time.Duration, err error)) Middleware {
	return func(next sig.Handler) sig.Handler {
		return func(ctx context.Context, r sig.Request) (any, error) {
			start := time.Now()
			result, err := next(ctx, r)
			fn(r, time.Since(start), err)
			return result, err
		}
	}
}

// Logged writes a line for each call, at level info when it failed and debug when not,
// with the keys sender, method, took and err.
func Logged(l *slog.Logger) Middleware {
	return func(next sig.Handler) sig.Handler {
		return func(ctx context.Context, r sig.Request) (any, error) {
			start := time.Now()
			result, err := next(ctx, r)
			attrs := []slog.Attr{slog.String("sender", r.Sender), slog.String("method", r.Method),
				slog.Duration("took", time.Since(start))}
			level := slog.LevelDebug
			if err != nil {
				level = slog.LevelInfo
				attrs = append(attrs, slog.Any("err", err))
			}
			l.LogAttrs(ctx, level, "call", attrs...)
			return result, err
		}
	}
}

const keyMeta = "key"

// CheckKey refuses calls that do not bring one of the keys; callers bring it with
// SendKey. The key travels as it is: over a network use TLS.
func CheckKey(keys ...string) Middleware {
	return func(next sig.Handler) sig.Handler {
		return func(ctx context.Context, r sig.Request) (any, error) {
			got, match := MetaFrom(ctx)[keyMeta], 0
			for _, k := range keys {
				match |= subtle.ConstantTimeCompare([]byte(got), []byte(k))
			}
			switch {
			case match == 1 && got != "":
				return next(ctx, r)
			case got == "":
				return nil, sig.Errorf(sig.ErrRefused, "%s.%s needs a key; send one with api.SendKey", r.Sender, r.Method)
			}
			return nil, sig.Errorf(sig.ErrRefused, "%s.%s: this key is not accepted", r.Sender, r.Method)
		}
	}
}

// SendKey adds a key for CheckKey to each call.
func SendKey(key string) CallOption { return WithMeta(keyMeta, key) }
