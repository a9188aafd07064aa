package api

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/sigrouter/sigrouter/api/schema"
	"github.com/sigrouter/sigrouter/sig"
)

// A MethodOption says more about a function exposed with Method.
type MethodOption func(*typedMethod)

// Timeout tells callers how long they should wait.
func Timeout(d time.Duration) MethodOption { return func(m *typedMethod) { m.timeout = d } }

// CheckResult makes results that are out of their range fail the call instead of being
// sent.
func CheckResult() MethodOption { return func(m *typedMethod) { m.check = true } }

// A typedMethod is a function exposed with Method.
type typedMethod struct {
	name    string
	doc     string
	timeout time.Duration
	params  reflect.Type
	result  reflect.Type // nil for none
	waits   bool
	check   bool
	handler func(*input) sig.Handler
}

// None is the result of methods that have none, and the parameters of those that take
// none.
type None struct{}

// Method exposes a function, under a name as it is on the wire. Its parameters are the
// fields of P, a struct; P is None when it takes none, R is None when it returns nothing.
// Calls of it go without reflection.
func Method[P, R any](name, doc string, fn func(context.Context, P) (R, error), opts ...MethodOption) ExposeOption {
	m := typedMethod{name: name, doc: doc, params: reflect.TypeFor[P](), result: reflect.TypeFor[R]()}
	if m.result == reflect.TypeFor[None]() {
		m.result = nil
	} else if m.result.Implements(deferredType) {
		m.waits = true
		m.result = reflect.Zero(m.result).Interface().(deferred).resultType()
	}
	m.handler = func(in *input) sig.Handler { return typedHandler(fn, in, m.result == nil) }
	for _, o := range opts {
		o(&m)
	}
	return exposeFunc(func(c *exposeConfig) { c.methods = append(c.methods, m) })
}

func typedHandler[P, R any](fn func(context.Context, P) (R, error), in *input, silent bool) sig.Handler {
	call := func(ctx context.Context, p P) (any, error) { return either(fn(ctx, p)) }
	if silent {
		call = func(ctx context.Context, p P) (any, error) {
			_, err := fn(ctx, p)
			return nil, err
		}
	}
	return func(ctx context.Context, r sig.Request) (any, error) {
		if !in.limited {
			switch p := r.Params.(type) {
			case P:
				return call(ctx, p)
			case *P:
				if p != nil {
					return call(ctx, *p)
				}
			}
		}
		var p P
		if err := in.readObject(r, reflect.ValueOf(&p).Elem()); err != nil {
			return nil, err
		}
		return call(ctx, p)
	}
}

// addTyped compiles a function exposed with Method.
func (b *planner[T]) addTyped(m typedMethod) error {
	if m.params.Kind() != reflect.Struct {
		return fmt.Errorf("its parameters are %s, not a struct", m.params)
	}
	object, err := b.set.Of(m.params)
	if err != nil {
		return err
	}
	if object.Type().Kind != schema.Object {
		return fmt.Errorf("its parameters are %s, which is no plain struct", m.params)
	}
	info := MethodInfo{Name: m.name, Doc: m.doc, TimeoutMS: m.timeout.Milliseconds()}
	doc := b.doc(m.name)
	if doc.text != "" {
		info.Doc = doc.text
	}
	var results []*schema.Schema
	if m.result != nil {
		r, err := b.set.Of(m.result)
		if err != nil {
			return fmt.Errorf("result: %w", err)
		}
		results = append(results, r)
	}
	b.waiting = append(b.waiting, func() (method[T], error) {
		var err error
		if info.Params, err = describeFields(object, doc); err != nil {
			return method[T]{}, err
		}
		info.Results = typesOf(results)
		h := m.handler(&input{object: object, info: info, limited: object.Limited()})
		if m.waits {
			h = awaiting(h)
		}
		if m.check && m.result != nil {
			h = checking(h, results[0])
		}
		return method[T]{info: info, bind: func(T) sig.Handler { return h }}, nil
	})
	return nil
}

// checking checks the results of a handler.
func checking(next sig.Handler, s *schema.Schema) sig.Handler {
	return func(ctx context.Context, r sig.Request) (any, error) {
		result, err := next(ctx, r)
		if err != nil {
			return nil, err
		}
		if v := reflect.ValueOf(result); v.IsValid() {
			if err := s.Check(v); err != nil {
				return nil, fmt.Errorf("result of %s.%s: %w", r.Sender, r.Method, err)
			}
		}
		return result, nil
	}
}
