package schema

import (
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Check reports, as a *Problem, why a Go value must not be sent: a string that is not
// UTF-8 or is none of its type's choices, a number outside its field's limits.
func (s *Schema) Check(v reflect.Value) error {
	if !s.texts && !s.checked {
		return nil
	}
	return asError(s.walk(v, true))
}

// Limited reports whether there are values of the Go type that are not valid, apart
// from strings that are not UTF-8.
func (s *Schema) Limited() bool { return s.checked }

// Limits is Check without a look at the encoding of strings, for values that came from
// the same process.
func (s *Schema) Limits(v reflect.Value) error {
	if !s.checked {
		return nil
	}
	return asError(s.walk(v, false))
}

// check is walk for a single string.
func (s *Schema) check(v reflect.Value) *Problem {
	if s.typ.Choices != nil && !slices.Contains(s.typ.Choices, v.String()) {
		return &Problem{Code: Choice, Expected: s.typ.expected(), Got: strconv.Quote(snippet([]byte(v.String())))}
	}
	return nil
}

func (s *Schema) walk(v reflect.Value, texts bool) *Problem {
	if !s.checked && !(texts && s.texts) {
		return nil
	}
	switch s.op {
	case opString:
		if texts && !utf8.ValidString(v.String()) {
			return &Problem{Code: WrongType, Expected: "a string of valid UTF-8", Got: strconv.QuoteToASCII(v.String()[:min(len(v.String()), 20)])}
		}
		return s.check(v)
	case opPointer:
		if !v.IsNil() {
			return s.elem.walk(v.Elem(), texts)
		}
	case opSlice, opArray:
		for i := range v.Len() {
			if p := s.elem.walk(v.Index(i), texts); p != nil {
				return p.underIndex(i)
			}
		}
	case opMap:
		for it := v.MapRange(); it.Next(); {
			if p := s.elem.walk(it.Value(), texts); p != nil {
				return p.under(snippet([]byte(it.Key().String())))
			}
		}
	case opStruct:
		return s.walkStruct(v, texts)
	}
	return nil
}

func (s *Schema) walkStruct(v reflect.Value, texts bool) *Problem {
	for i := range s.fields.list {
		f := &s.fields.list[i]
		limited := f.limited()
		if !limited && !f.schema.checked && !(texts && f.schema.texts) {
			continue
		}
		x := v
		if len(f.index) == 1 {
			x = v.Field(f.index[0])
		} else if x, _ = v.FieldByIndexErr(f.index); !x.IsValid() {
			continue // of an embedded struct that is not there
		}
		if f.Optional && f.preset == nil && x.IsZero() {
			continue // not sent
		}
		p := f.schema.walk(x, texts)
		if p == nil && limited {
			p = f.check(x)
		}
		if p != nil {
			return p.under(f.Name)
		}
	}
	return nil
}

// check looks at the field's own limits.
func (f *field) check(v reflect.Value) *Problem {
	if !f.limited() {
		return nil
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	text, x, isNumber := plain(v)
	if f.Choices != nil && !slices.Contains(f.Choices, text) {
		if v.Kind() == reflect.String {
			text = strconv.Quote(snippet([]byte(text)))
		}
		return &Problem{Code: Choice, Expected: "one of " + list(f.Choices), Got: text}
	}
	if isNumber && (f.Min != nil && !(x >= *f.Min) || f.Max != nil && !(x <= *f.Max)) {
		return &Problem{Code: Range, Expected: f.bounds(), Got: text}
	}
	return nil
}

// plain returns a simple value as text, and as a number if it is one.
func plain(v reflect.Value) (text string, x float64, isNumber bool) {
	switch {
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), float64(v.Int()), true
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), float64(v.Uint()), true
	case v.CanFloat():
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits()), v.Float(), true
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool()), 0, false
	}
	return v.String(), 0, false
}

func (f *field) bounds() string {
	num := func(x *float64) string { return strconv.FormatFloat(*x, 'g', -1, 64) }
	switch {
	case f.Min == nil:
		return f.Type.String() + ", at most " + num(f.Max)
	case f.Max == nil:
		return f.Type.String() + ", at least " + num(f.Min)
	}
	return f.Type.String() + ", " + num(f.Min) + " to " + num(f.Max)
}
