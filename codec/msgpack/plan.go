package msgpack

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"unicode"

	"github.com/sigrouter/sigrouter/sig"
)

// An op says how values of a type are read and written.
type op uint8

const (
	opJSON op = iota // by way of JSON: the type has methods for it, or rules that are rare
	opBool
	opInt
	opUint
	opFloat32
	opFloat64
	opString
	opBytes
	opSlice
	opArray
	opMap
	opStruct
	opPointer
	opAny
)

// A plan says how values of one type are read and written here. Whatever encoding/json
// does in a special way is left to it, so that there is nothing to be different in.
type plan struct {
	op     op
	typ    reflect.Type
	elem   reflect.Type // of a slice, array, map or pointer
	fields []field      // of a struct
	omits  bool         // some fields may be left out
	write  bool         // only written by way of JSON; reading is as op says
	read   bool         // only read by way of JSON
	byAddr bool         // written by way of JSON where it can be addressed
}

type field struct {
	name  string
	head  []byte // the name as MessagePack
	index int
	typ   reflect.Type
	empty bool // omitempty
	zero  bool // omitzero
}

// planOf returns the plan of a type. Types are as many as a program has.
func (c *Codec) planOf(t reflect.Type) *plan {
	if p, ok := c.plans.Load(t); ok {
		return p.(*plan)
	}
	p, _ := c.plans.LoadOrStore(t, newPlan(t))
	return p.(*plan)
}

func newPlan(t reflect.Type) *plan {
	p := &plan{typ: t, op: opOf(t)}
	switch p.op {
	case opSlice, opArray, opMap, opPointer:
		p.elem = t.Elem()
	case opStruct:
		p.structFields()
	}
	own := func(t reflect.Type) bool {
		return implements[json.Marshaler](t) || implements[encoding.TextMarshaler](t) || isAppender(t)
	}
	p.write = own(t)
	if t.Kind() != reflect.Pointer {
		to := reflect.PointerTo(t)
		p.byAddr = !p.write && (implements[json.Marshaler](to) || implements[encoding.TextMarshaler](to))
		p.read = implements[json.Unmarshaler](to) || implements[encoding.TextUnmarshaler](to)
	} else {
		p.read = implements[json.Unmarshaler](t) || implements[encoding.TextUnmarshaler](t)
	}
	return p
}

func implements[I any](t reflect.Type) bool { return t.Implements(reflect.TypeFor[I]()) }

// isAppender reports whether sig.JSON lets the type encode itself.
func isAppender(t reflect.Type) bool {
	return t == reflect.TypeFor[*sig.Raw]() || implements[interface {
		AppendJSON(dst []byte) ([]byte, error)
	}](t)
}

func opOf(t reflect.Type) op {
	switch t.Kind() {
	case reflect.Bool:
		return opBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return opInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return opUint
	case reflect.Float32:
		return opFloat32
	case reflect.Float64:
		return opFloat64
	case reflect.String:
		if t == reflect.TypeFor[json.Number]() {
			return opJSON
		}
		return opString
	case reflect.Slice:
		if e := t.Elem(); e.Kind() == reflect.Uint8 && !hasMethods(e) {
			return opBytes
		}
		return opSlice
	case reflect.Array:
		return opArray
	case reflect.Map:
		if t.Key().Kind() == reflect.String && !hasMethods(t.Key()) {
			return opMap
		}
	case reflect.Struct:
		return opStruct
	case reflect.Pointer:
		return opPointer
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return opAny
		}
	}
	return opJSON
}

func hasMethods(t reflect.Type) bool {
	return t.NumMethod() > 0 || reflect.PointerTo(t).NumMethod() > 0
}

// structFields finds the fields of a struct. Embedded fields and the rarer options are
// left to encoding/json, and so is the whole struct then.
func (p *plan) structFields() {
	seen := map[string]bool{}
	for i := range p.typ.NumField() {
		f := p.typ.Field(i)
		tag := f.Tag.Get("json")
		if !f.IsExported() && !f.Anonymous || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if !validName(name) {
			name = f.Name
		}
		out := field{name: name, index: i, typ: f.Type}
		for o := range strings.SplitSeq(options, ",") {
			switch o {
			case "omitempty":
				out.empty = true
			case "omitzero":
				out.zero = true
			case "string":
				p.op = opJSON
			}
		}
		if f.Anonymous || seen[name] || out.zero && knowsZero(f.Type) {
			p.op = opJSON
		}
		seen[name] = true
		out.head = append(appendStringHead(nil, len(name)), name...)
		p.omits = p.omits || out.empty || out.zero
		p.fields = append(p.fields, out)
	}
}

// knowsZero reports whether omitzero asks the value itself.
func knowsZero(t reflect.Type) bool {
	type zeroer interface{ IsZero() bool }
	return t.Kind() == reflect.Interface || implements[zeroer](t) || implements[zeroer](reflect.PointerTo(t))
}

// validName reports whether a tag names a member.
func validName(s string) bool {
	for _, c := range s {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return s != ""
}

// field finds the field that a member goes to, as encoding/json does: the name itself, or
// else one that differs in case only.
func (p *plan) field(name []byte, guess int) (i int, ok bool) {
	if guess < len(p.fields) && p.fields[guess].name == string(name) {
		return guess, true
	}
	for i := range p.fields {
		if p.fields[i].name == string(name) {
			return i, true
		}
	}
	for i := range p.fields {
		if strings.EqualFold(p.fields[i].name, string(name)) {
			return i, true
		}
	}
	return 0, false
}
