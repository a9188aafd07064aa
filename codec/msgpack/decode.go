package msgpack

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

// A decoder stores values in variables.
type decoder struct {
	reader
	codec *Codec
}

// firstElements is how many elements get memory before they are there.
const firstElements = 64

// value reads a value of any kind. Whole numbers become int64 or uint64 if integers is
// set, and otherwise float64, as encoding/json has them inside of other types.
func (d *decoder) value(integers bool, left int) (v any, ok bool) {
	switch d.next() {
	case kindNil:
		return nil, true
	case kindTrue:
		return true, true
	case kindFalse:
		return false, true
	case kindUint:
		switch {
		case !integers:
			return float64(d.num), true
		case int64(d.num) < 0:
			return d.num, true
		}
		return int64(d.num), true
	case kindInt:
		if !integers {
			return float64(int64(d.num)), true
		}
		return int64(d.num), true
	case kindFloat32:
		return d.shortest(), d.finite()
	case kindFloat64:
		return d.float, d.finite()
	case kindString, kindBinary, kindTime:
		return d.textAsAny()
	case kindArray:
		return d.list(integers, left)
	case kindMap:
		return d.table(integers, left)
	}
	return nil, false
}

// shortest returns what the float32 that was read last stands for.
func (d *decoder) shortest() float64 {
	var b [32]byte
	f, _ := strconv.ParseFloat(string(strconv.AppendFloat(b[:0], d.float, 'g', -1, 32)), 64) // it has just been made
	return f
}

// textAsAny returns the string that was read last, be it one or stand for one.
func (d *decoder) textAsAny() (any, bool) {
	switch at := d.b[d.at]; {
	case 0xc4 <= at && at <= 0xc6:
		return base64.StdEncoding.EncodeToString(d.text), true
	case 0xc7 <= at && at <= 0xd8:
		t, ok := d.time()
		return t.Format(time.RFC3339Nano), ok
	}
	if !utf8.Valid(d.text) {
		d.fail(faultUTF8)
		return nil, false
	}
	return string(d.text), true
}

func (d *decoder) list(integers bool, left int) (any, bool) {
	n := d.n
	if !d.enter(left) {
		return nil, false
	}
	list := make([]any, 0, min(n, firstElements))
	for range n {
		v, ok := d.value(integers, left-1)
		if !ok {
			return nil, false
		}
		list = append(list, v)
	}
	return list, true
}

func (d *decoder) table(integers bool, left int) (any, bool) {
	n := d.n
	if !d.enter(left) {
		return nil, false
	}
	table := make(map[string]any, min(n, firstElements))
	for range n {
		k := d.key()
		if k == 0 {
			return nil, false
		}
		name := d.keyText(k)
		v, ok := d.value(integers, left-1)
		if !ok {
			return nil, false
		}
		table[name] = v
	}
	return table, true
}

// keyText returns the key that was read last.
func (d *decoder) keyText(k kind) string {
	switch k {
	case kindUint:
		return strconv.FormatUint(d.num, 10)
	case kindInt:
		return strconv.FormatInt(int64(d.num), 10)
	}
	return string(d.text)
}

// into reads a value into a variable. It reports false when the MessagePack is broken, of
// which bad then tells, or when the value does not fit as it is.
func (d *decoder) into(p *plan, v reflect.Value, left int) bool {
	if p.read || p.op == opJSON || p.op == opArray {
		return d.byJSON(v, left)
	}
	if p.op == opAny {
		return d.intoAny(v, left)
	}
	if p.op == opPointer {
		return d.intoPointer(p, v, left)
	}
	switch k := d.next(); k {
	case 0:
		return false
	case kindNil:
		switch p.op {
		case opMap, opSlice, opBytes:
			v.SetZero()
		}
		return true
	case kindArray:
		return p.op == opSlice && d.intoSlice(p, v, left)
	case kindMap:
		switch p.op {
		case opMap:
			return d.intoMap(p, v, left)
		case opStruct:
			return d.intoStruct(p, v, left)
		}
		return false
	default:
		return d.scalar(p.op, k, v)
	}
}

// scalar stores what is neither nil nor a container.
func (d *decoder) scalar(o op, k kind, v reflect.Value) bool {
	switch o {
	case opBool:
		v.SetBool(k == kindTrue)
		return k == kindTrue || k == kindFalse
	case opInt:
		n := int64(d.num)
		if k != kindInt && (k != kindUint || n < 0) || v.OverflowInt(n) {
			return false
		}
		v.SetInt(n)
	case opUint:
		if k != kindUint || v.OverflowUint(d.num) {
			return false
		}
		v.SetUint(d.num)
	case opFloat32, opFloat64:
		return d.intoFloat(o, k, v)
	case opString:
		return d.intoString(k, v)
	case opBytes:
		return d.intoBytes(k, v)
	default:
		return false
	}
	return true
}

func (d *decoder) intoString(k kind, v reflect.Value) bool {
	switch k {
	case kindString:
		if !utf8.Valid(d.text) {
			d.fail(faultUTF8)
			return false
		}
		v.SetString(string(d.text))
		return true
	case kindBinary:
		v.SetString(base64.StdEncoding.EncodeToString(d.text))
		return true
	}
	return false
}

func (d *decoder) intoBytes(k kind, v reflect.Value) bool {
	switch k {
	case kindBinary:
		v.SetBytes(append([]byte{}, d.text...))
		return true
	case kindString:
		b := make([]byte, base64.StdEncoding.DecodedLen(len(d.text)))
		n, err := base64.StdEncoding.Decode(b, d.text)
		if err == nil {
			v.SetBytes(b[:n])
		}
		return err == nil
	}
	return false
}

func (d *decoder) intoFloat(o op, k kind, v reflect.Value) bool {
	var f float64
	switch {
	case k == kindUint:
		f = float64(d.num)
	case k == kindInt:
		f = float64(int64(d.num))
	case k == kindFloat32 && o == opFloat64:
		f = d.shortest()
	case k == kindFloat32 || k == kindFloat64:
		f = d.float
	default:
		return false
	}
	if (k == kindFloat32 || k == kindFloat64) && !d.finite() || v.OverflowFloat(f) {
		return false
	}
	if o == opFloat32 && k != kindFloat32 {
		return d.narrow(k, v)
	}
	v.SetFloat(f)
	return true
}

// narrow stores a number in a float32, rounded once, from its digits.
func (d *decoder) narrow(k kind, v reflect.Value) bool {
	var text []byte
	switch k {
	case kindUint:
		text = strconv.AppendUint(nil, d.num, 10)
	case kindInt:
		text = strconv.AppendInt(nil, int64(d.num), 10)
	default:
		text = strconv.AppendFloat(nil, d.float, 'g', -1, 64)
	}
	f, err := strconv.ParseFloat(string(text), 32)
	if err != nil {
		return false
	}
	v.SetFloat(f)
	return true
}

func (d *decoder) intoAny(v reflect.Value, left int) bool {
	if !v.IsNil() && v.Elem().Kind() == reflect.Pointer {
		return d.byJSON(v, left) // what it points to may be meant
	}
	x, ok := d.value(false, left)
	if !ok {
		return false
	}
	if x == nil {
		v.SetZero()
	} else {
		v.Set(reflect.ValueOf(x))
	}
	return true
}

func (d *decoder) intoPointer(p *plan, v reflect.Value, left int) bool {
	if d.i < len(d.b) && d.b[d.i] == 0xc0 {
		d.i++
		v.SetZero()
		return true
	}
	if v.IsNil() {
		v.Set(reflect.New(p.elem))
	}
	return d.into(d.codec.planOf(p.elem), v.Elem(), left)
}

func (d *decoder) intoSlice(p *plan, v reflect.Value, left int) bool {
	n := d.n
	if !d.enter(left) {
		return false
	}
	elem := d.codec.planOf(p.elem)
	v.SetLen(0)
	for i := range n {
		if i >= v.Cap() {
			v.Grow(max(1, min(n-i, firstElements)))
		}
		v.SetLen(i + 1)
		if !d.into(elem, v.Index(i), left-1) {
			return false
		}
	}
	if n == 0 {
		v.Set(reflect.MakeSlice(p.typ, 0, 0))
	}
	return true
}

func (d *decoder) intoMap(p *plan, v reflect.Value, left int) bool {
	n := d.n
	if !d.enter(left) {
		return false
	}
	if v.IsNil() {
		v.Set(reflect.MakeMapWithSize(p.typ, min(n, firstElements)))
	}
	elem, key := d.codec.planOf(p.elem), p.typ.Key()
	for range n {
		k := d.key()
		if k == 0 {
			return false
		}
		name := reflect.ValueOf(d.keyText(k)).Convert(key)
		x := reflect.New(p.elem).Elem()
		if !d.into(elem, x, left-1) {
			return false
		}
		v.SetMapIndex(name, x)
	}
	return true
}

func (d *decoder) intoStruct(p *plan, v reflect.Value, left int) bool {
	n := d.n
	if !d.enter(left) {
		return false
	}
	for i := range n {
		k := d.key()
		if k == 0 {
			return false
		}
		name := d.text
		if k != kindString {
			name = []byte(d.keyText(k))
		}
		at, known := p.field(name, i)
		if !known {
			if _, ok := d.checkValue(left - 1); !ok {
				return false
			}
			continue
		}
		f := &p.fields[at]
		if !d.into(d.codec.planOf(f.typ), v.Field(f.index), left-1) {
			return false
		}
	}
	return true
}

// byJSON leaves one value to encoding/json.
func (d *decoder) byJSON(v reflect.Value, left int) bool {
	from := d.i
	if _, ok := d.checkValue(left); !ok {
		return false
	}
	text, err := d.codec.AppendJSON(nil, d.b[from:d.i])
	return err == nil && json.Unmarshal(text, v.Addr().Interface()) == nil
}
