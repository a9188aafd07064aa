package api

import (
	"context"
	"errors"
	"reflect"

	"github.com/sigrouter/sigrouter/api/schema"
	"github.com/sigrouter/sigrouter/sig"
)

// An input reads the parameters of a method.
type input struct {
	info    MethodInfo
	params  *schema.Params // by position, or
	object  *schema.Schema // as a struct
	limited bool           // Go values of the right types may be wrong yet
}

// refused makes a ParamError of a Problem.
func (in *input) refused(r sig.Request, err error) error {
	var p *schema.Problem
	if !errors.As(err, &p) {
		return err
	}
	return &ParamError{Method: r.Sender + "." + r.Method, Usage: in.info.Usage(), Problem: *p}
}

// read stores parameters in the variables that the pointers point to.
func (in *input) read(r sig.Request, pointers ...any) error {
	vars := make([]reflect.Value, len(pointers))
	for i, p := range pointers {
		vars[i] = reflect.ValueOf(p).Elem()
	}
	return in.readVars(r, vars)
}

func (in *input) readVars(r sig.Request, vars []reflect.Value) error {
	if err := in.params.Read(r.Params, vars); err != nil {
		return in.refused(r, err)
	}
	return nil
}

// readObject stores parameters in a struct.
func (in *input) readObject(r sig.Request, v reflect.Value) error {
	x := reflect.ValueOf(r.Params)
	if x.IsValid() && x.Kind() == reflect.Pointer && !x.IsNil() {
		x = x.Elem()
	}
	var err error
	if x.IsValid() && x.Type() == v.Type() {
		v.Set(x)
		err = in.object.Limits(v)
	} else {
		err = in.object.ReadParams(r.Params, v)
	}
	if err != nil {
		return in.refused(r, err)
	}
	return nil
}

// values returns the arguments of a call as they are, when they are one for each
// parameter and of its type.
func (s *signature) values(params any) ([]reflect.Value, bool) {
	args, ok := params.([]any)
	if !ok || len(args) != len(s.in) || s.variadic {
		return nil, false
	}
	vars := make([]reflect.Value, len(args))
	for i, a := range args {
		if reflect.TypeOf(a) != s.in[i] {
			return nil, false
		}
		vars[i] = reflect.ValueOf(a)
	}
	return vars, true
}

// bindPositional makes handlers of a method with parameters by position.
func bindPositional[T any](m reflect.Method, s signature, in *input) func(T) sig.Handler {
	if m.Func.IsValid() {
		if fast := matchShape[T](m.Func.Interface(), in); fast != nil {
			return fast
		}
	}
	return func(recv T) sig.Handler {
		fn := reflect.ValueOf(&recv).Elem().Method(m.Index)
		return func(ctx context.Context, r sig.Request) (any, error) {
			if vars, ok := s.values(r.Params); ok && !in.limited {
				return s.call(fn, ctx, vars)
			}
			vars := make([]reflect.Value, len(s.in))
			for i, t := range s.in {
				vars[i] = reflect.New(t).Elem()
			}
			if err := in.readVars(r, vars); err != nil {
				return nil, err
			}
			return s.call(fn, ctx, vars)
		}
	}
}

// bindStruct makes handlers of a method that takes a struct.
func bindStruct[T any](m reflect.Method, s signature, in *input) func(T) sig.Handler {
	byPointer := s.in[0].Kind() == reflect.Pointer
	return func(recv T) sig.Handler {
		fn := reflect.ValueOf(&recv).Elem().Method(m.Index)
		return func(ctx context.Context, r sig.Request) (any, error) {
			v := reflect.New(s.in[0])
			if byPointer {
				v = reflect.New(s.in[0].Elem())
			}
			if err := in.readObject(r, v.Elem()); err != nil {
				return nil, err
			}
			if !byPointer {
				v = v.Elem()
			}
			return s.call(fn, ctx, []reflect.Value{v})
		}
	}
}

// call calls by reflection. One result is returned as it is, several as a []any.
func (s *signature) call(fn reflect.Value, ctx context.Context, args []reflect.Value) (any, error) {
	if s.context {
		args = append([]reflect.Value{reflect.ValueOf(ctx)}, args...)
	}
	var out []reflect.Value
	if s.variadic {
		out = fn.CallSlice(args)
	} else {
		out = fn.Call(args)
	}
	if s.fails {
		if err, _ := out[len(out)-1].Interface().(error); err != nil {
			return nil, err
		}
		out = out[:len(out)-1]
	}
	switch len(out) {
	case 0:
		return nil, nil
	case 1:
		return out[0].Interface(), nil
	}
	list := make([]any, len(out))
	for i, v := range out {
		list[i] = v.Interface()
	}
	return list, nil
}
