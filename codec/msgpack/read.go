package msgpack

import (
	"encoding/binary"
	"math"
	"time"
	"unicode/utf8"
)

// A kind says what a value is; 0: the reader has failed.
type kind uint8

const (
	kindNil kind = iota + 1
	kindFalse
	kindTrue
	kindUint    // num
	kindInt     // num, of a negative number
	kindFloat32 // float
	kindFloat64 // float
	kindString  // text
	kindBinary  // text
	kindArray   // n
	kindMap     // n
	kindTime    // text, the 4, 8 or 12 bytes of a timestamp
)

// A reader takes MessagePack apart, one item after the other, and never reads past the
// end or reserves memory for what is not there.
type reader struct {
	b  []byte
	i  int
	at int // where the last item began

	num   uint64
	float float64
	text  []byte // part of b
	cut   kind   // what b ends inside of, text being the beginning; 0 for nothing
	n     int

	bad   fault
	depth int // as asked for, for errors
}

func (r *reader) fail(k faultKind) kind {
	if r.bad.kind == 0 {
		r.bad = fault{kind: k, at: r.at, n: r.n}
		if r.at < len(r.b) {
			r.bad.byte = r.b[r.at]
		}
	}
	return 0
}

// end reports whether all went well and nothing is left over.
func (r *reader) end(ok bool) bool {
	if ok && r.i < len(r.b) {
		r.at = r.i
		r.fail(faultMore)
		return false
	}
	return ok
}

// next reads one item: a scalar, or the head of an array or a map.
func (r *reader) next() kind {
	r.at = r.i
	if r.i >= len(r.b) {
		return r.fail(faultShort)
	}
	c := r.b[r.i]
	r.i++
	switch {
	case c <= 0x7f:
		r.num = uint64(c)
		return kindUint
	case c <= 0x8f:
		return r.container(kindMap, uint64(c&0x0f))
	case c <= 0x9f:
		return r.container(kindArray, uint64(c&0x0f))
	case c <= 0xbf:
		return r.bytes(kindString, uint64(c&0x1f))
	case c >= 0xe0:
		r.num = uint64(int64(int8(c)))
		return kindInt
	}
	return r.marked(c)
}

// marked reads an item that begins with a byte from 0xc0 to 0xdf.
func (r *reader) marked(c byte) kind {
	switch c {
	case 0xc0:
		return kindNil
	case 0xc2:
		return kindFalse
	case 0xc3:
		return kindTrue
	case 0xc4, 0xc5, 0xc6:
		return r.sized(kindBinary, 1<<(c-0xc4))
	case 0xc7, 0xc8, 0xc9:
		return r.sized(kindTime, 1<<(c-0xc7))
	case 0xca:
		if !r.number(4) {
			return 0
		}
		r.float = float64(math.Float32frombits(uint32(r.num)))
		return kindFloat32
	case 0xcb:
		if !r.number(8) {
			return 0
		}
		r.float = math.Float64frombits(r.num)
		return kindFloat64
	case 0xcc, 0xcd, 0xce, 0xcf:
		if !r.number(1 << (c - 0xcc)) {
			return 0
		}
		return kindUint
	case 0xd0, 0xd1, 0xd2, 0xd3:
		return r.signed(c - 0xd0)
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		return r.ext(1 << (c - 0xd4))
	case 0xd9, 0xda, 0xdb:
		return r.sized(kindString, 1<<(c-0xd9))
	case 0xdc, 0xdd:
		return r.sized(kindArray, 2<<(c-0xdc))
	case 0xde, 0xdf:
		return r.sized(kindMap, 2<<(c-0xde))
	}
	return r.fail(faultByte)
}

// number reads size bytes as an unsigned number.
func (r *reader) number(size int) bool {
	if len(r.b)-r.i < size {
		r.fail(faultShort)
		return false
	}
	b := r.b[r.i:]
	switch size {
	case 1:
		r.num = uint64(b[0])
	case 2:
		r.num = uint64(binary.BigEndian.Uint16(b))
	case 4:
		r.num = uint64(binary.BigEndian.Uint32(b))
	default:
		r.num = binary.BigEndian.Uint64(b)
	}
	r.i += size
	return true
}

func (r *reader) signed(log byte) kind {
	if !r.number(1 << log) {
		return 0
	}
	shift := 64 - 8<<log
	n := int64(r.num<<shift) >> shift
	r.num = uint64(n)
	if n < 0 {
		return kindInt
	}
	return kindUint
}

// sized reads a length of size bytes and what has that length.
func (r *reader) sized(k kind, size int) kind {
	if !r.number(size) {
		return 0
	}
	switch k {
	case kindArray, kindMap:
		return r.container(k, r.num)
	case kindTime:
		return r.ext(r.num)
	}
	return r.bytes(k, r.num)
}

func (r *reader) bytes(k kind, n uint64) kind {
	if n > uint64(len(r.b)-r.i) {
		r.text, r.cut = r.b[r.i:], k
		return r.fail(faultShort)
	}
	r.text = r.b[r.i : r.i+int(n)]
	r.i += int(n)
	return k
}

// container checks that as many elements as are said to be there can be there.
func (r *reader) container(k kind, n uint64) kind {
	least := n
	if k == kindMap {
		least = 2 * n
	}
	r.n = int(n)
	if least > uint64(len(r.b)-r.i) {
		return r.fail(faultLength)
	}
	return k
}

// ext reads the type of an extension and its n bytes. Timestamps alone are known.
func (r *reader) ext(n uint64) kind {
	if r.i >= len(r.b) || n > uint64(len(r.b)-r.i-1) {
		return r.fail(faultShort)
	}
	r.n = int(int8(r.b[r.i]))
	r.i++
	if r.n != -1 {
		return r.fail(faultExt)
	}
	return r.bytes(kindTime, n)
}

// time returns the timestamp that was read last. JSON has none of years that do not have
// four digits.
func (r *reader) time() (t time.Time, ok bool) {
	var sec int64
	var nsec uint32
	switch b := r.text; len(b) {
	case 4:
		sec = int64(binary.BigEndian.Uint32(b))
	case 8:
		n := binary.BigEndian.Uint64(b)
		sec, nsec = int64(n&(1<<34-1)), uint32(n>>34)
	case 12:
		nsec, sec = binary.BigEndian.Uint32(b), int64(binary.BigEndian.Uint64(b[4:]))
	default:
		r.fail(faultTime)
		return t, false
	}
	const first, last = -62167219200, 253402300799 // seconds of the years 0 and 9999
	if nsec > 999_999_999 || sec < first || sec > last {
		r.fail(faultTime)
		return t, false
	}
	return time.Unix(sec, int64(nsec)).UTC(), true
}

// enter checks that one more level is allowed.
func (r *reader) enter(left int) bool {
	if left > 0 {
		return true
	}
	if r.n = maxNesting; r.depth > 0 {
		r.n = r.depth
	}
	r.fail(faultDepth)
	return false
}

// key reads a map's key, whose text is then in text, or whose number is in num.
func (r *reader) key() kind {
	switch k := r.next(); k {
	case kindString:
		if !utf8.Valid(r.text) {
			return r.fail(faultUTF8)
		}
		return k
	case kindUint, kindInt, 0:
		return k
	}
	return r.fail(faultKey)
}

// finite reports whether the float that was read last is a number.
func (r *reader) finite() bool {
	if r.float-r.float != 0 {
		r.fail(faultFloat)
		return false
	}
	return true
}
