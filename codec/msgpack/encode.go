package msgpack

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/sigrouter/sigrouter/sig"
)

// An encoder appends values.
type encoder struct {
	codec *Codec
	b     []byte
	depth int
}

// any appends a value whose type is not known beforehand.
func (e *encoder) any(v any) error {
	switch v := v.(type) {
	case nil:
		e.b = append(e.b, 0xc0)
	case bool:
		e.b = appendBool(e.b, v)
	case int:
		e.b = appendInt(e.b, int64(v))
	case int64:
		e.b = appendInt(e.b, v)
	case uint64:
		e.b = appendUint(e.b, v)
	case float64:
		return e.float(v, 64)
	case string:
		e.string(v)
	case []byte:
		e.bytes(v)
	case []any:
		return e.list(v)
	case map[string]any:
		return e.table(v)
	case *sig.Raw:
		return e.raw(v)
	default:
		rv := reflect.ValueOf(v)
		return e.value(e.codec.planOf(rv.Type()), rv)
	}
	return nil
}

func (e *encoder) raw(v *sig.Raw) error {
	if v != nil && v.Codec != nil && v.Codec.Name() == e.codec.Name() {
		if _, err := e.codec.Check(v.Bytes, maxNesting); err != nil {
			return err
		}
		e.b = append(e.b, v.Bytes...)
		return nil
	}
	return e.json(v)
}

// json appends what encoding/json makes of a value.
func (e *encoder) json(v any) error {
	text, err := sig.JSON{}.Marshal(v)
	if err == nil {
		e.b, err = e.codec.AppendFromJSON(e.b, text)
	}
	return err
}

// enter counts one more level. Values that contain themselves end here.
func (e *encoder) enter() error {
	if e.depth++; e.depth > maxNesting {
		return fmt.Errorf("msgpack: the value is nested deeper than %d levels, or contains itself", maxNesting)
	}
	return nil
}

func (e *encoder) list(v []any) error {
	if v == nil {
		e.b = append(e.b, 0xc0)
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	e.b = arrayHeads().append(e.b, len(v))
	for _, x := range v {
		if err := e.any(x); err != nil {
			return err
		}
	}
	e.depth--
	return nil
}

func (e *encoder) table(v map[string]any) error {
	if v == nil {
		e.b = append(e.b, 0xc0)
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	e.b = mapHeads().append(e.b, len(v))
	for k, x := range v {
		e.string(k)
		if err := e.any(x); err != nil {
			return err
		}
	}
	e.depth--
	return nil
}

// string appends a string. As in encoding/json, what is not UTF-8 is replaced.
func (e *encoder) string(s string) {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	e.b = append(appendStringHead(e.b, len(s)), s...)
}

func (e *encoder) bytes(v []byte) {
	if v == nil {
		e.b = append(e.b, 0xc0)
		return
	}
	e.b = appendBinary(e.b, v)
}

// float appends a number as its JSON would be read: whole ones are integers.
func (e *encoder) float(f float64, bits int) error {
	const exact = 1 << 53
	switch {
	case f-f != 0:
		return &json.UnsupportedValueError{Value: reflect.ValueOf(f), Str: strconv.FormatFloat(f, 'g', -1, bits)}
	case f == math.Trunc(f) && math.Abs(f) < 1e21 && (f != 0 || !math.Signbit(f)):
		if bits == 64 && math.Abs(f) < exact {
			e.b = appendInt(e.b, int64(f))
			return nil
		}
		if e.whole(strconv.FormatFloat(f, 'f', -1, bits)) {
			return nil
		}
	}
	if bits == 32 {
		e.b = appendFloat32(e.b, float32(f))
	} else {
		e.b = appendFloat64(e.b, f)
	}
	return nil
}

// whole appends an integer if 64 bits can hold it.
func (e *encoder) whole(text string) bool {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		e.b = appendInt(e.b, n)
	} else if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		e.b = appendUint(e.b, n)
	} else {
		return false
	}
	return true
}

// value appends a value by its type's plan.
func (e *encoder) value(p *plan, v reflect.Value) error {
	if p.write || p.byAddr && v.CanAddr() {
		return e.own(p, v)
	}
	switch p.op {
	case opBool:
		e.b = appendBool(e.b, v.Bool())
	case opInt:
		e.b = appendInt(e.b, v.Int())
	case opUint:
		e.b = appendUint(e.b, v.Uint())
	case opFloat32:
		return e.float(v.Float(), 32)
	case opFloat64:
		return e.float(v.Float(), 64)
	case opString:
		e.string(v.String())
	case opBytes:
		e.bytes(v.Bytes())
	case opSlice:
		if v.IsNil() {
			e.b = append(e.b, 0xc0)
			return nil
		}
		return e.array(p, v)
	case opArray:
		return e.array(p, v)
	case opMap:
		return e.mapping(p, v)
	case opStruct:
		return e.structure(p, v)
	case opPointer:
		return e.pointer(p, v)
	case opAny:
		if v.IsNil() {
			e.b = append(e.b, 0xc0)
			return nil
		}
		return e.any(v.Elem().Interface())
	default:
		return e.json(v.Interface())
	}
	return nil
}

// own lets a value encode itself, as encoding/json would.
func (e *encoder) own(p *plan, v reflect.Value) error {
	if p.byAddr {
		v = v.Addr()
	}
	if raw, ok := v.Interface().(*sig.Raw); ok {
		return e.raw(raw)
	}
	return e.json(v.Interface())
}

func (e *encoder) pointer(p *plan, v reflect.Value) error {
	if v.IsNil() {
		e.b = append(e.b, 0xc0)
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	err := e.value(e.codec.planOf(p.elem), v.Elem())
	e.depth--
	return err
}

func (e *encoder) array(p *plan, v reflect.Value) error {
	if err := e.enter(); err != nil {
		return err
	}
	n := v.Len()
	e.b = arrayHeads().append(e.b, n)
	elem := e.codec.planOf(p.elem)
	for i := range n {
		if err := e.value(elem, v.Index(i)); err != nil {
			return err
		}
	}
	e.depth--
	return nil
}

func (e *encoder) mapping(p *plan, v reflect.Value) error {
	if v.IsNil() {
		e.b = append(e.b, 0xc0)
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	e.b = mapHeads().append(e.b, v.Len())
	elem := e.codec.planOf(p.elem)
	for it := v.MapRange(); it.Next(); {
		e.string(it.Key().String())
		if err := e.value(elem, it.Value()); err != nil {
			return err
		}
	}
	e.depth--
	return nil
}

func (e *encoder) structure(p *plan, v reflect.Value) error {
	if err := e.enter(); err != nil {
		return err
	}
	n := len(p.fields)
	if p.omits {
		for i := range p.fields {
			if p.fields[i].omitted(v) {
				n--
			}
		}
	}
	e.b = mapHeads().append(e.b, n)
	for i := range p.fields {
		f := &p.fields[i]
		if p.omits && f.omitted(v) {
			continue
		}
		e.b = append(e.b, f.head...)
		if err := e.value(e.codec.planOf(f.typ), v.Field(f.index)); err != nil {
			return err
		}
	}
	e.depth--
	return nil
}

// omitted reports whether a field of v is left out.
func (f *field) omitted(v reflect.Value) bool {
	x := v.Field(f.index)
	return f.zero && x.IsZero() || f.empty && isEmpty(x)
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
