// Package msgpack is the second codec for payloads: MessagePack, which is shorter than
// JSON, holds bytes as they are, and is easy to write on a small device.
//
// A MessagePack payload stands for a JSON value, and reading it gives what reading that
// JSON would give: the same Go value, by the same struct tags and the same methods
// (encoding/json's Marshaler and the others). So no listener can tell how its data
// travelled, and a router can pass data on between peers of either kind. docs/protocol.md
// says which MessagePack stands for what; most of it goes without saying, but
//
//   - binary data stands for its base64 text, which a []byte takes as the bytes;
//   - a float32 stands for the shortest number that gives it, 21.7 and not 21.700000762939453;
//   - a map's integer keys stand for their digits;
//   - a timestamp stands for its text by RFC 3339;
//   - NaN, infinities, other extension types and other keys stand for nothing and are refused.
//
// What JSON can say and MessagePack cannot, integers beyond 64 bits for instance, travels
// as JSON.
package msgpack

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// A Codec encodes and decodes MessagePack. It is a sig.Codec, and has what a router needs
// beside that: see carrier.Codec. The zero value is ready for use; do not copy a used one.
// Methods may be called from several goroutines at once.
type Codec struct {
	plans sync.Map // of *plan, by reflect.Type: how each type is read and written
}

// New makes a codec.
func New() *Codec { return new(Codec) }

// Name returns "msgpack".
func (*Codec) Name() string { return "msgpack" }

// Marshal encodes v: what encoding/json would write, as MessagePack, and []byte as binary.
// It fails where encoding/json does, and where MessagePack cannot hold the value. The
// caller owns the result.
func (c *Codec) Marshal(v any) ([]byte, error) {
	e := encoder{codec: c, b: make([]byte, 0, 64)}
	if err := e.any(v); err != nil {
		return nil, err
	}
	return e.b, nil
}

// Unmarshal decodes data, which must hold one value and nothing after it, into the
// variable v points to, as encoding/json would decode the JSON that data stands for. Into
// a *any it stores nil, bool, int64, uint64 for integers above the range of int64, float64,
// string, []any and map[string]any.
func (c *Codec) Unmarshal(data []byte, v any) error {
	if len(data) == 0 {
		return fault{kind: faultShort}.err()
	}
	d := decoder{codec: c, reader: reader{b: data}}
	if out, ok := v.(*any); ok {
		x, ok := d.value(true, maxNesting)
		if !d.end(ok) {
			return d.bad.err()
		}
		*out = x
		return nil
	}
	dst := reflect.ValueOf(v)
	if dst.Kind() != reflect.Pointer || dst.IsNil() {
		return &json.InvalidUnmarshalError{Type: reflect.TypeOf(v)}
	}
	if d.into(c.planOf(dst.Type().Elem()), dst.Elem(), maxNesting) && d.end(true) {
		return nil
	}
	if d.bad.kind != 0 {
		return d.bad.err()
	}
	// It does not fit: what happens now is for encoding/json to say.
	return c.throughJSON(data, v)
}

// throughJSON decodes by way of JSON.
func (c *Codec) throughJSON(data []byte, v any) error {
	text, err := c.AppendJSON(nil, data)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// Check checks that data holds one value and nothing after it: every length, the UTF-8 of
// every string, every key, and that values nest at most maxDepth deep. It returns how many
// bytes the JSON has that data stands for, or a few more. It fails with an error that
// matches sig.ErrMalformed, or sig.ErrLimit when the nesting is too deep.
func (*Codec) Check(data []byte, maxDepth int) (jsonSize int, err error) {
	r := reader{b: data}
	size, ok := r.check(maxDepth)
	if !r.end(ok) {
		return 0, r.bad.err()
	}
	return size, nil
}

// AppendJSON appends the JSON that data stands for. When it fails it returns what it had
// appended.
func (*Codec) AppendJSON(dst, data []byte) ([]byte, error) {
	t := toJSON{reader: reader{b: data}, out: dst}
	if ok := t.value(maxNesting); !t.end(ok) {
		return t.out, t.bad.err()
	}
	return t.out, nil
}

// AppendFromJSON appends a JSON value, which must be sound, as MessagePack. It fails when
// MessagePack cannot say the same: integers beyond 64 bits, other numbers beyond a float64,
// strings with half of a surrogate pair.
func (*Codec) AppendFromJSON(dst, text []byte) ([]byte, error) {
	f := fromJSON{b: text, out: dst}
	if f.value(maxNesting); f.err == nil && f.space() < len(text) {
		f.fail("more than one JSON value")
	}
	if f.err != nil {
		return dst, fmt.Errorf("msgpack: %w", f.err)
	}
	return f.out, nil
}

// maxNesting bounds recursion where nobody has named a depth.
const maxNesting = 1024

// fault says what is wrong with MessagePack.
type fault struct {
	kind faultKind
	at   int
	byte byte
	n    int
}

type faultKind uint8

const (
	faultShort faultKind = iota + 1
	faultByte
	faultLength
	faultUTF8
	faultKey
	faultFloat
	faultExt
	faultTime
	faultDepth
	faultMore
)

func (f fault) err() error {
	text := ""
	switch f.kind {
	case faultShort:
		text = "it ends too early"
	case faultByte:
		text = fmt.Sprintf("byte %d is 0x%02x, which begins nothing", f.at, f.byte)
	case faultLength:
		text = fmt.Sprintf("byte %d begins %d elements, more than there are bytes", f.at, f.n)
	case faultUTF8:
		text = fmt.Sprintf("the string at byte %d is not UTF-8; send bytes as binary", f.at)
	case faultKey:
		text = fmt.Sprintf("the key at byte %d is neither a string nor an integer", f.at)
	case faultFloat:
		text = fmt.Sprintf("the float at byte %d is NaN or infinite, which JSON does not have; send nil or a string instead", f.at)
	case faultExt:
		text = fmt.Sprintf("byte %d begins an extension of type %d; only timestamps are known", f.at, f.n)
	case faultTime:
		text = fmt.Sprintf("the timestamp at byte %d is none", f.at)
	case faultDepth:
		return sig.Errorf(sig.ErrLimit, "nested deeper than %d levels (limit MaxDepth)", f.n)
	case faultMore:
		text = fmt.Sprintf("byte %d comes after the end of the value", f.at)
	}
	return sig.Errorf(sig.ErrMalformed, "not MessagePack: %s", text)
}
