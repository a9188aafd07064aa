package schema

import (
	"fmt"
	"reflect"

	"github.com/sigrouter/sigrouter/sig"
)

// Params is a list of named values that travel together, as a JSON object or, in their
// order, as a JSON array. It may be used by several goroutines at once.
type Params struct {
	fields fieldList
	rest   bool
}

// A Param describes one of Params.
type Param struct {
	Field  // without Type and Default
	Schema *Schema
	Preset any // its default; nil for none
}

// NewParams makes a list. With rest set the last, a list itself, takes all positional
// values that are left.
func NewParams(params []Param, rest bool) (*Params, error) {
	out := &Params{rest: rest}
	for _, p := range params {
		f := field{Field: p.Field, schema: p.Schema, given: p.Preset}
		err := f.settle()
		if err == nil {
			err = out.fields.add(f)
		}
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", p.Name, err)
		}
	}
	return out, nil
}

// Describe lists the parameters.
func (ps *Params) Describe() []Field { return ps.fields.describe() }

// Len returns how many parameters there are.
func (ps *Params) Len() int { return len(ps.fields.list) }

// Limited reports whether a parameter has limits beyond its Go type.
func (ps *Params) Limited() bool {
	for i := range ps.fields.list {
		if f := &ps.fields.list[i]; f.limited() || f.schema.checked {
			return true
		}
	}
	return false
}

// Read stores a payload in vars, one settable variable for each parameter, in order
// and zero. Payload is nil, a *sig.Raw, or any value that JSON can hold. The error is a
// *Problem.
func (ps *Params) Read(payload any, vars []reflect.Value) error {
	if args, ok := payload.([]any); ok {
		if done, err := ps.assign(args, vars); done || err != nil {
			return err
		}
	}
	data, err := toJSON(payload)
	if err != nil {
		return err
	}
	return asError(ps.fields.readParams(data, place{vars: vars}, ps.rest))
}

// assign takes values of the process as they are, when they are one for each parameter
// and of its type.
func (ps *Params) assign(args []any, vars []reflect.Value) (bool, error) {
	if len(args) != len(vars) || ps.rest {
		return false, nil
	}
	for i, a := range args {
		if s := ps.fields.list[i].schema; reflect.TypeOf(a) != s.goType && (s.op != opAny || a == nil) {
			return false, nil
		}
	}
	for i, a := range args {
		f := &ps.fields.list[i]
		v := reflect.ValueOf(a)
		p := f.schema.walk(v, false)
		if p == nil {
			p = f.check(v)
		}
		if p != nil {
			return true, p.under(f.Name)
		}
		vars[i].Set(v)
	}
	return true, nil
}

// Fields lists the members of an object type; nil for any other.
func (s *Schema) Fields() []Field {
	if s.fields == nil {
		return nil
	}
	return s.fields.describe()
}

// ReadParams stores the parameters of a method in v, a struct of the compiled type: as
// an object by the names of its fields, as an array by their order, or as an array that
// holds such an object alone. Unlike in Read a member that is not known is a problem.
func (s *Schema) ReadParams(payload any, v reflect.Value) error {
	data, err := toJSON(payload)
	if err != nil {
		return err
	}
	c := cursor{data: data}
	if c.next() == '[' {
		inner := c
		if empty, p := inner.open(']'); p == nil && !empty && inner.next() == '{' {
			if obj, p := inner.value(); p == nil && inner.next() == ']' {
				data = obj
			}
		}
	}
	return asError(s.fields.readParams(data, place{base: v}, false))
}

func (l *fieldList) readParams(data []byte, to place, rest bool) (p *Problem) {
	c := cursor{data: data}
	switch {
	case c.null():
		p = l.complete(to, &seenSet{})
	case c.next() == '{':
		p = l.object(&c, to, true)
	case c.next() == '[':
		p = l.array(&c, to, rest)
	default:
		got, bad := c.value()
		if bad != nil {
			return bad
		}
		return &Problem{Code: WrongType, Expected: "an object or a list of " + l.count(), Got: snippet(got)}
	}
	if p == nil {
		p = c.end()
	}
	return p
}

// ReadPayload stores any payload in v, which must be of the compiled type and settable.
// A value of that type is taken as it is, once it is within limits.
func (s *Schema) ReadPayload(payload any, v reflect.Value) error {
	if x := reflect.ValueOf(payload); x.IsValid() {
		if x.Kind() == reflect.Pointer && s.goType.Kind() != reflect.Pointer && !x.IsNil() {
			x = x.Elem()
		}
		if x.Type() == s.goType {
			if err := s.Limits(x); err != nil {
				return err
			}
			v.Set(x)
			return nil
		}
	}
	data, err := toJSON(payload)
	if err != nil {
		return err
	}
	return s.Read(data, v)
}

// toJSON returns a payload as JSON, which the caller must not change.
func toJSON(payload any) ([]byte, error) {
	if payload == nil {
		return []byte("null"), nil
	}
	b, err := sig.JSON{}.Marshal(payload)
	if err != nil {
		return nil, &Problem{Code: Malformed, Got: err.Error()}
	}
	return b, nil
}
