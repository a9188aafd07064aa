package channel

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// A Reader takes typed fields out of a binary payload, in the order a Writer put them in.
// The first field that is not there stops it: from then on every method returns a zero
// value, and Err says what was wrong. So a message is read first and checked once.
type Reader struct {
	rest []byte
	size int
	err  error
}

// NewReader returns a Reader of a payload, which it does not change.
func NewReader(payload []byte) *Reader { return &Reader{rest: payload, size: len(payload)} }

// Err returns what was wrong, or nil.
func (r *Reader) Err() error { return r.err }

// Left returns how many bytes have not been read.
func (r *Reader) Left() int { return len(r.rest) }

// End is Err, or an error when something is left.
func (r *Reader) End() error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail("%d bytes are left over", len(r.rest))
	}
	return r.err
}

func (r *Reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = sig.Errorf(sig.ErrMalformed, "at byte %d: "+format, append([]any{r.size - len(r.rest)}, args...)...)
	}
	r.rest = nil
}

// take returns the next n bytes, or n zeros when they are not there.
func (r *Reader) take(what string, n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.fail("%s of %d bytes, and %d are left", what, n, len(r.rest))
		return make([]byte, min(max(n, 0), 8))
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// Short reads what Writer.Short wrote; so do the methods below, each for its own.
func (r *Reader) Short() int16 { return int16(binary.LittleEndian.Uint16(r.take("a short", 2))) }

// Int reads 4 bytes.
func (r *Reader) Int() int32 { return int32(binary.LittleEndian.Uint32(r.take("an int", 4))) }

// Long reads 8 bytes.
func (r *Reader) Long() int64 { return int64(binary.LittleEndian.Uint64(r.take("a long", 8))) }

// Bool reads 1 byte: 0 is false, anything else true.
func (r *Reader) Bool() bool { return r.take("a bool", 1)[0] != 0 }

// Char reads 1 byte.
func (r *Reader) Char() byte { return r.take("a char", 1)[0] }

// Float reads 4 bytes.
func (r *Reader) Float() float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(r.take("a float", 4)))
}

// Double reads 8 bytes.
func (r *Reader) Double() float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(r.take("a double", 8)))
}

// String reads a text.
func (r *Reader) String() string {
	n := r.Int()
	b := r.take("a string", int(n))
	if r.err != nil {
		return ""
	}
	return string(b)
}

// Timestamp reads a time, in UTC.
func (r *Reader) Timestamp() time.Time {
	us := r.Long()
	if r.err != nil {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// Count reads how many items of a list follow, of which each takes at least so many bytes:
// a number that cannot be right is refused before memory is reserved for it.
func (r *Reader) Count(least int) int {
	n := int(r.Int())
	if r.err == nil && (n < 0 || n > len(r.rest)/max(least, 1)) {
		r.fail("a list of %d items, and %d bytes are left", n, len(r.rest))
	}
	if r.err != nil {
		return 0
	}
	return n
}

// Array reads bytes. They are part of the payload: do not change them.
func (r *Reader) Array() []byte {
	n := r.length("an array", r.Long())
	b := r.take("an array", n)
	if r.err != nil {
		return nil
	}
	return b
}

// length turns a number of 8 bytes into one of int, or refuses it.
func (r *Reader) length(what string, n int64) int {
	if r.err == nil && (n < 0 || n > int64(len(r.rest))) {
		r.fail("%s of %d bytes, and %d are left", what, n, len(r.rest))
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// Header reads where a message is from and when it was made.
func (r *Reader) Header() (source string, at time.Time) { return r.String(), r.Timestamp() }

// Dictionary reads keys and values.
func (r *Reader) Dictionary() map[string]string {
	n := r.Count(8)
	m := make(map[string]string, n)
	for range n {
		key := r.String()
		m[key] = r.String()
	}
	if r.err != nil {
		return nil
	}
	return m
}

// maxDims is the most dimensions a tensor may have.
const maxDims = 32

// Tensor reads a tensor. Its data is part of the payload: do not change it.
func (r *Reader) Tensor() Tensor {
	var t Tensor
	n := r.Long()
	if r.err == nil && (n < 0 || n > maxDims) {
		r.fail("a tensor of %d dimensions; %d are the most", n, maxDims)
	}
	if r.err != nil {
		return Tensor{}
	}
	size := int64(1)
	for range n {
		d := r.Long()
		if r.err == nil && (d < 0 || d > 0 && size > math.MaxInt64/8/d) {
			r.fail("a tensor with a dimension of %d", d)
		}
		t.Dims = append(t.Dims, int(d))
		size *= d
	}
	t.Type = ElementType(r.Char())
	each := t.Type.Size()
	if r.err == nil && each == 0 {
		r.fail("a tensor of element type %d, which is not known", t.Type)
	}
	t.Data = r.take("a tensor", r.length("a tensor", size*int64(each)))
	if r.err != nil {
		return Tensor{}
	}
	return t
}
