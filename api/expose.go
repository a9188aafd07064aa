package api

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/sigrouter/sigrouter/sig"
)

// A Service is an exposed sender.
type Service struct {
	sender sig.Sender
	desc   Description
}

// Sender returns the sender, for its signals.
func (s *Service) Sender() sig.Sender { return s.sender }

// Describe returns what the sender answers to DescribeMethod. Do not change it.
func (s *Service) Describe() Description { return s.desc }

// Remove takes the sender away. Calls under way go on.
func (s *Service) Remove() error { return s.sender.Remove() }

// Expose adds a sender whose requests are the exported methods of v. When T is an interface
// they are the methods of that interface alone. A value that has none, while its pointer has,
// is an error. Methods may be called from several goroutines at once.
func Expose[T any](b sig.Bus, name string, v T, opts ...ExposeOption) (*Service, error) {
	return expose(b, name, v, newExposeConfig(b, opts))
}

func expose[T any](b sig.Bus, name string, v T, c *exposeConfig) (*Service, error) {
	p, err := newPlan[T](c)
	if err != nil {
		return nil, err
	}
	s := &Service{desc: p.describe(name, c)}
	handlers := p.bindAll(v, c.guard)
	if !c.silent {
		handlers[DescribeMethod] = c.answerDescribe(&s.desc)
	}
	if s.sender, err = b.AddSender(name, c.senderOptions(handlers)...); err != nil {
		return nil, err
	}
	return s, nil
}

// Serve is Expose for functions alone, each given by the option Method.
func Serve(b sig.Bus, name string, opts ...ExposeOption) (*Service, error) {
	return Expose(b, name, None{}, opts...)
}

func newExposeConfig(b sig.Bus, opts []ExposeOption) *exposeConfig {
	c := &exposeConfig{bus: b}
	for _, o := range opts {
		o.applyExpose(c)
	}
	return c
}

// describe makes the description of a sender whose methods are those of the plan.
func (p *plan[T]) describe(name string, c *exposeConfig) Description {
	d := Description{Sender: name, Doc: c.about, Methods: []MethodInfo{}, Events: p.events, Types: p.types}
	for _, m := range p.methods {
		d.Methods = append(d.Methods, m.info)
	}
	slices.SortFunc(d.Methods, func(a, b MethodInfo) int { return cmp.Compare(a.Name, b.Name) })
	for _, e := range c.errors {
		d.Errors = append(d.Errors, e.info)
	}
	return d
}

// senderOptions is what AddSender is given.
func (c *exposeConfig) senderOptions(handlers map[string]sig.Handler) []sig.SenderOption {
	opts := slices.Clone(c.sender)
	for _, name := range slices.Sorted(maps.Keys(handlers)) {
		opts = append(opts, sig.Answer(name, handlers[name]))
	}
	return opts
}

// bindAll returns the handlers of all methods of a value, each inside a guard.
func (p *plan[T]) bindAll(v T, guard func(sig.Handler) sig.Handler) map[string]sig.Handler {
	handlers := make(map[string]sig.Handler, len(p.methods)+1)
	for _, m := range p.methods {
		h := m.bind(v)
		if m.deferred {
			h = awaiting(h)
		}
		handlers[m.info.Name] = guard(h)
	}
	return handlers
}

func awaiting(next sig.Handler) sig.Handler {
	return func(ctx context.Context, r sig.Request) (any, error) {
		result, err := next(ctx, r)
		if d, ok := result.(deferred); ok && err == nil {
			return d.await(ctx)
		}
		return result, err
	}
}

// guard is what lies between a request and a method: the envelope, middleware, panics,
// errors.
func (c *exposeConfig) guard(method sig.Handler) sig.Handler {
	method = wrap(method, c.around)
	return func(ctx context.Context, r sig.Request) (result any, err error) {
		defer func() {
			if p := recover(); p != nil {
				result, err = nil, c.panicked(ctx, r, p)
			}
		}()
		if ctx, r.Params, err = c.openEnvelope(ctx, r.Params); err != nil {
			return nil, err
		}
		if result, err = method(ctx, r); err != nil {
			return nil, c.leaving(err)
		}
		return result, nil
	}
}

func (c *exposeConfig) panicked(ctx context.Context, r sig.Request, p any) error {
	l := c.log
	if l == nil {
		l = slog.Default()
	}
	l.LogAttrs(ctx, slog.LevelError, "method panicked", slog.String("sender", r.Sender),
		slog.String("method", r.Method), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	return &sig.Error{Status: sig.StatusFailed, Code: CodePanic, Message: fmt.Sprintf("%s.%s panicked: %v", r.Sender, r.Method, p)}
}

func (c *exposeConfig) answerDescribe(d *Description) sig.Handler {
	return c.guard(func(context.Context, sig.Request) (any, error) { return *d, nil })
}
