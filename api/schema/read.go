package schema

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/sigrouter/sigrouter/sig"
)

// Read stores JSON in v, which must be of the compiled type and settable. What the
// JSON does not mention is left as it is, or gets its default. The error is a *Problem.
func (s *Schema) Read(data []byte, v reflect.Value) error {
	c := cursor{data: data}
	p := s.read(&c, v)
	if p == nil {
		p = c.end()
	}
	return asError(p)
}

// asError keeps a nil *Problem from becoming an error.
func asError(p *Problem) error {
	if p == nil {
		return nil
	}
	return p
}

func (s *Schema) read(c *cursor, v reflect.Value) *Problem {
	if s.typ.Null && c.null() {
		v.SetZero()
		return nil
	}
	switch s.op {
	case opInt, opUint, opFloat:
		return s.readNumber(c, v)
	case opString:
		return s.readString(c, v)
	case opBool:
		return s.readBool(c, v)
	case opBinary:
		return s.readBinary(c, v)
	case opStruct:
		if c.next() != '{' {
			return s.mismatch(c)
		}
		return s.fields.readObject(c, place{base: v})
	case opSlice:
		return s.readSlice(c, v)
	case opArray:
		return s.readArray(c, v)
	case opMap:
		return s.readMap(c, v)
	case opPointer:
		if v.IsNil() {
			v.Set(reflect.New(s.goType.Elem()))
		}
		return s.elem.read(c, v.Elem())
	}
	return s.readOpaque(c, v)
}

// mismatch is the problem of another value than the type has.
func (s *Schema) mismatch(c *cursor) *Problem {
	at := c.pos
	got, p := c.value()
	if p != nil {
		return p
	}
	c.pos = at
	return mismatch(s.typ, got)
}

func (s *Schema) readBool(c *cursor, v reflect.Value) *Problem {
	at := c.pos
	switch word, p := c.value(); {
	case p != nil:
		return p
	case string(word) == "true":
		v.SetBool(true)
	case string(word) == "false":
		v.SetBool(false)
	default:
		c.pos = at
		return mismatch(s.typ, word)
	}
	return nil
}

func (s *Schema) readString(c *cursor, v reflect.Value) *Problem {
	if c.next() != '"' {
		return s.mismatch(c)
	}
	b, p := c.text()
	if p != nil {
		return p
	}
	v.SetString(string(b))
	if s.checked {
		return s.check(v)
	}
	return nil
}

func (s *Schema) readBinary(c *cursor, v reflect.Value) *Problem {
	if c.next() != '"' {
		return s.mismatch(c)
	}
	text, p := c.text()
	if p != nil {
		return p
	}
	b := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(b, text)
	if err != nil {
		return &Problem{Code: WrongType, Expected: "binary, a string of base64", Got: snippet(text)}
	}
	v.SetBytes(b[:n])
	return nil
}

func (s *Schema) readNumber(c *cursor, v reflect.Value) *Problem {
	if b := c.next(); b != '-' && (b < '0' || b > '9') {
		return s.mismatch(c)
	}
	text := c.number()
	var ok bool
	switch s.op {
	case opInt:
		var i int64
		if i, ok = parseInt(text); ok && !v.OverflowInt(i) {
			v.SetInt(i)
			return nil
		}
	case opUint:
		var u uint64
		if u, ok = parseUint(text); ok && !v.OverflowUint(u) {
			v.SetUint(u)
			return nil
		}
	default:
		f, err := strconv.ParseFloat(string(text), v.Type().Bits())
		if err == nil {
			v.SetFloat(f)
			return nil
		}
	}
	return s.outOfRange(text)
}

func (s *Schema) outOfRange(text []byte) *Problem {
	if f, err := strconv.ParseFloat(string(text), 64); s.op != opFloat && err == nil && f != math.Trunc(f) {
		return mismatch(s.typ, text) // a fraction is no integer
	}
	return &Problem{Code: Range, Expected: s.typ.expected(), Got: snippet(text)}
}

// parseInt also takes whole numbers in the notation of floats, as some languages write
// them, as far as they are exact.
func parseInt(text []byte) (int64, bool) {
	if i, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return i, true
	}
	f, ok := parseWhole(text)
	return int64(f), ok
}

func parseUint(text []byte) (uint64, bool) {
	if u, err := strconv.ParseUint(string(text), 10, 64); err == nil {
		return u, true
	}
	f, ok := parseWhole(text)
	return uint64(f), ok && f >= 0
}

func parseWhole(text []byte) (float64, bool) {
	if !strings.ContainsAny(string(text), ".eE") {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(text), 64)
	return f, err == nil && f == math.Trunc(f) && math.Abs(f) <= 1<<53
}

func (s *Schema) readSlice(c *cursor, v reflect.Value) *Problem {
	if c.next() != '[' {
		return s.mismatch(c)
	}
	empty, p := c.open(']')
	if p != nil {
		return p
	}
	v.Set(reflect.MakeSlice(s.goType, 0, 4))
	for i, more := 0, !empty; more; i++ {
		if i == v.Cap() {
			v.Grow(1)
		}
		v.SetLen(i + 1)
		v.Index(i).SetZero()
		if p := s.elem.read(c, v.Index(i)); p != nil {
			return p.underIndex(i)
		}
		if more, p = c.more(']'); p != nil {
			return p
		}
	}
	return nil
}

func (s *Schema) readArray(c *cursor, v reflect.Value) *Problem {
	if c.next() != '[' {
		return s.mismatch(c)
	}
	empty, p := c.open(']')
	if p != nil {
		return p
	}
	i := 0
	for more := !empty; more; i++ {
		if i < v.Len() {
			if p := s.elem.read(c, v.Index(i)); p != nil {
				return p.underIndex(i)
			}
		} else if _, p := c.value(); p != nil {
			return p
		}
		if more, p = c.more(']'); p != nil {
			return p
		}
	}
	if i != v.Len() {
		return &Problem{Code: Count, Expected: s.typ.expected(), Got: strconv.Itoa(i)}
	}
	return nil
}

func (s *Schema) readMap(c *cursor, v reflect.Value) *Problem {
	if c.next() != '{' {
		return s.mismatch(c)
	}
	empty, p := c.open('}')
	if p != nil {
		return p
	}
	v.Set(reflect.MakeMap(s.goType))
	for more := !empty; more; {
		name, p := c.key()
		if p != nil {
			return p
		}
		key := reflect.New(s.goType.Key()).Elem()
		key.SetString(string(name))
		elem := reflect.New(s.goType.Elem()).Elem()
		if p := s.elem.read(c, elem); p != nil {
			return p.under(snippet([]byte(key.String())))
		}
		v.SetMapIndex(key, elem)
		if more, p = c.more('}'); p != nil {
			return p
		}
	}
	return nil
}

// readOpaque leaves the reading to the type itself, or, for any, to the codec.
func (s *Schema) readOpaque(c *cursor, v reflect.Value) *Problem {
	text, p := c.value()
	if p != nil {
		return p
	}
	var err error
	if s.op == opAny {
		var x any
		if err = (sig.JSON{}).Unmarshal(text, &x); err == nil && x != nil {
			v.Set(reflect.ValueOf(x))
		} else if err == nil {
			v.SetZero()
		}
	} else {
		err = json.Unmarshal(text, v.Addr().Interface())
	}
	if err != nil {
		return &Problem{Code: WrongType, Expected: s.typ.expected() + " (" + err.Error() + ")", Got: snippet(text)}
	}
	return nil
}
