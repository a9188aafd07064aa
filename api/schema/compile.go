package schema

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// An op is how values of a Go type are read.
type op uint8

const (
	opBool op = iota
	opInt
	opUint
	opFloat
	opString
	opBinary
	opSlice
	opArray
	opMap
	opStruct
	opPointer
	opAny
	opOpaque // it reads itself
)

// A Schema is a Go type, compiled. It may be used by several goroutines at once.
type Schema struct {
	op      op
	typ     Type
	goType  reflect.Type
	elem    *Schema // of slices, arrays, maps and pointers
	fields  *fieldList
	checked bool // some values of the Go type are not valid
	texts   bool // it holds strings, which may be invalid UTF-8
}

// Type describes the values.
func (s *Schema) Type() Type { return s.typ }

// A Set compiles Go types and names the objects they are made of. The zero value is
// ready for use, by one goroutine.
type Set struct {
	schemas map[reflect.Type]*Schema
	objects map[string]*Schema
}

// Of compiles a type. It fails when values of the type cannot travel.
func (set *Set) Of(t reflect.Type) (*Schema, error) {
	if s, ok := set.schemas[t]; ok {
		return s, nil
	}
	if set.schemas == nil {
		set.schemas, set.objects = map[reflect.Type]*Schema{}, map[string]*Schema{}
	}
	s := &Schema{goType: t}
	set.schemas[t] = s // before its parts, which may refer to it
	if err := set.compile(s, t); err != nil {
		delete(set.schemas, t)
		return nil, err
	}
	return s, nil
}

// Finish settles what depends on whole types, some of which may refer to themselves.
// Call it after the last Of and before the schemas are used. It fails when a default
// does not fit its field.
func (set *Set) Finish() error {
	for t, s := range set.schemas {
		if err := s.resolve(0); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
	}
	set.propagate()
	for _, s := range set.schemas {
		if s.fields == nil {
			continue
		}
		for i := range s.fields.list {
			f := &s.fields.list[i]
			if err := f.settle(); err != nil {
				return fmt.Errorf("field %s of %s: %w", f.Name, s.goType, err)
			}
		}
	}
	return nil
}

// resolve completes the description of a type that is made of another.
func (s *Schema) resolve(depth int) error {
	if s.elem == nil || s.typ.Kind != "" {
		return nil
	}
	if depth > maxDepth {
		return errors.New("a list of itself has no end")
	}
	if err := s.elem.resolve(depth + 1); err != nil {
		return err
	}
	elem := s.elem.typ
	switch s.op {
	case opPointer:
		s.typ = elem
	case opMap:
		s.typ = Type{Kind: Map, Elem: &elem}
	case opArray:
		s.typ = Type{Kind: List, Elem: &elem, Len: s.goType.Len()}
		return nil
	default:
		s.typ = Type{Kind: List, Elem: &elem}
	}
	s.typ.Null = true
	return nil
}

// propagate carries upwards what has to be checked.
func (set *Set) propagate() {
	for again := true; again; {
		again = false
		for _, s := range set.schemas {
			checked, texts := s.inner()
			if checked && !s.checked || texts && !s.texts {
				s.checked, s.texts = s.checked || checked, s.texts || texts
				again = true
			}
		}
	}
}

// inner reports whether anything the type is made of has to be checked.
func (s *Schema) inner() (checked, texts bool) {
	if s.elem != nil {
		checked, texts = s.elem.checked, s.elem.texts
	}
	if s.fields != nil {
		for i := range s.fields.list {
			f := &s.fields.list[i]
			checked = checked || f.schema.checked || f.limited()
			texts = texts || f.schema.texts
		}
	}
	return checked, texts
}

// Objects returns the object types that the compiled types are made of, by name.
func (set *Set) Objects() map[string]ObjectType {
	if len(set.objects) == 0 {
		return nil
	}
	out := make(map[string]ObjectType, len(set.objects))
	for name, s := range set.objects {
		out[name] = ObjectType{Fields: s.fields.describe()}
	}
	return out
}

// Of compiles a single type.
func Of(t reflect.Type) (*Schema, error) {
	var set Set
	s, err := set.Of(t)
	if err != nil {
		return nil, err
	}
	if err := set.Finish(); err != nil {
		return nil, err
	}
	return s, nil
}

var (
	jsonReader = reflect.TypeFor[json.Unmarshaler]()
	textReader = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType   = reflect.TypeFor[time.Time]()
	bytesType  = reflect.TypeFor[[]byte]()
	chooser    = reflect.TypeFor[interface{ Choices() []string }]()
)

func (set *Set) compile(s *Schema, t reflect.Type) error {
	if t.Kind() != reflect.Pointer {
		switch p := reflect.PointerTo(t); {
		case t == timeType:
			s.op, s.typ = opOpaque, Type{Kind: String, Name: "time"}
			return nil
		case p.Implements(jsonReader):
			s.op, s.typ = opOpaque, Type{Kind: Any, Name: t.Name()}
			return nil
		case p.Implements(textReader):
			s.op, s.typ = opOpaque, Type{Kind: String, Name: t.Name()}
			return nil
		}
	}
	switch t.Kind() {
	case reflect.Bool:
		s.op, s.typ = opBool, Type{Kind: Boolean}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.op, s.typ = opInt, Type{Kind: Integer, Name: "int" + strconv.Itoa(t.Bits())}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		s.op, s.typ = opUint, Type{Kind: Integer, Name: "uint" + strconv.Itoa(t.Bits())}
	case reflect.Float32:
		s.op, s.typ = opFloat, Type{Kind: Number, Name: "float"}
	case reflect.Float64:
		s.op, s.typ = opFloat, Type{Kind: Number, Name: "double"}
	case reflect.String:
		s.op, s.typ, s.texts = opString, Type{Kind: String}, true
		if t.Implements(chooser) {
			s.typ.Choices = reflect.Zero(t).Interface().(interface{ Choices() []string }).Choices()
			s.checked = true
		}
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return fmt.Errorf("%s is an interface with methods, which cannot be read", t)
		}
		s.op, s.typ = opAny, Type{Kind: Any}
	default:
		return set.compileComposite(s, t)
	}
	return nil
}

func (set *Set) compileComposite(s *Schema, t reflect.Type) (err error) {
	switch t.Kind() {
	case reflect.Struct:
		s.op, s.typ = opStruct, Type{Kind: Object, Name: set.name(t)}
		set.objects[s.typ.Name] = s
		s.fields, err = set.compileStruct(t)
		return err
	case reflect.Slice:
		if t.ConvertibleTo(bytesType) && t.Elem().Kind() == reflect.Uint8 {
			s.op, s.typ = opBinary, Type{Kind: Binary, Null: true}
			return nil
		}
		s.op = opSlice
	case reflect.Array:
		s.op = opArray
	case reflect.Map:
		s.op = opMap
		if k := t.Key(); k.Kind() != reflect.String || reflect.PointerTo(k).Implements(textReader) {
			return fmt.Errorf("%s has keys that are no strings", t)
		}
	case reflect.Pointer:
		s.op = opPointer
	default:
		return fmt.Errorf("values of type %s cannot travel", t)
	}
	s.elem, err = set.Of(t.Elem())
	return err
}

// name finds a name for an object type that no other has.
func (set *Set) name(t reflect.Type) string {
	name := t.Name()
	if name == "" {
		name = "object"
	}
	if _, taken := set.objects[name]; taken && t.Name() != "" {
		name = t.String() // with its package
	}
	base := name
	for i := 2; ; i++ {
		if _, taken := set.objects[name]; !taken {
			return name
		}
		name = base + strconv.Itoa(i)
	}
}
