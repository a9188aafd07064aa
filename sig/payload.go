package sig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
)

// A Codec turns values into bytes and back. Methods may be called from several
// goroutines at once.
type Codec interface {
	// Name is what peers call the codec when they agree on one: "json", "msgpack".
	Name() string
	// Marshal encodes v. The caller owns the result.
	Marshal(v any) ([]byte, error)
	// Unmarshal decodes data into the variable v points to and keeps no part of
	// data. The same value arrives as the same Go value whatever the codec: as
	// encoding/json has it, and into a *any nil, bool, int64, uint64 (for integers
	// above the range of int64), float64, string, []any and map[string]any. So a
	// []byte arrives as one in a variable of that type, and as base64 text in an any.
	Unmarshal(data []byte, v any) error
}

// A Raw is a payload as it travelled: encoded, and valid in its encoding. It is
// never changed after it was made; do not change Bytes.
type Raw struct {
	Codec Codec
	Bytes []byte
}

// Decode stores the payload in the variable v points to.
func (r *Raw) Decode(v any) error {
	if err := r.Codec.Unmarshal(r.Bytes, v); err != nil {
		return fmt.Errorf("sig: cannot read %s payload as %T: %w", r.Codec.Name(), v, err)
	}
	return nil
}

// Value returns the payload as the Go value that Codec.Unmarshal stores in a *any.
func (r *Raw) Value() (any, error) {
	var v any
	err := r.Decode(&v)
	return v, err
}

// MarshalJSON returns the payload as JSON, whatever its codec. A codec that has a method
// AppendJSON(dst, data []byte) ([]byte, error) does it itself.
func (r *Raw) MarshalJSON() ([]byte, error) {
	switch c := r.Codec.(type) {
	case JSON:
		return r.Bytes, nil
	case interface {
		AppendJSON(dst, data []byte) ([]byte, error)
	}:
		return c.AppendJSON(nil, r.Bytes)
	}
	v, err := r.Value()
	if err != nil {
		return nil, err
	}
	return JSON{}.Marshal(v)
}

// String returns the payload as JSON text, for logs and for people.
func (r *Raw) String() string {
	b, err := r.MarshalJSON()
	if err != nil {
		return fmt.Sprintf("(%d bytes of %s: %v)", len(r.Bytes), r.Codec.Name(), err)
	}
	return string(b)
}

// Decode stores a payload in the variable v points to, v being a pointer. A *Raw is
// decoded by its codec. Any other value is assigned when its type allows it, and
// otherwise converted by way of JSON, so that a listener written for remote events
// works unchanged beside its sender.
func Decode(payload, v any) error {
	if raw, ok := payload.(*Raw); ok {
		return raw.Decode(v)
	}
	dst := reflect.ValueOf(v)
	if dst.Kind() != reflect.Pointer || dst.IsNil() {
		return fmt.Errorf("sig: Decode needs a pointer to a variable, not %T", v)
	}
	dst = dst.Elem()
	if payload == nil {
		dst.SetZero()
		return nil
	}
	src := reflect.ValueOf(payload)
	if src.Type().AssignableTo(dst.Type()) {
		dst.Set(src)
		return nil
	}
	if src.Kind() == reflect.Pointer && !src.IsNil() && src.Type().Elem().AssignableTo(dst.Type()) {
		dst.Set(src.Elem())
		return nil
	}
	b, err := JSON{}.Marshal(payload)
	if err == nil {
		err = JSON{}.Unmarshal(b, v)
	}
	if err != nil {
		return fmt.Errorf("sig: cannot read %T as %T: %w", payload, v, err)
	}
	return nil
}

// As returns a payload as a T. It is Decode for when the variable is not there yet. As
// an any, a *Raw is the value it encodes.
func As[T any](payload any) (T, error) {
	if raw, ok := payload.(*Raw); ok {
		if _, wanted := any(*new(T)).(*Raw); !wanted {
			return decoded[T](raw)
		}
	}
	if same, ok := payload.(T); ok {
		return same, nil
	}
	return decoded[T](payload)
}

// decoded is apart from As so that only what has to be decoded needs a variable on the
// heap.
func decoded[T any](payload any) (T, error) {
	var v T
	err := Decode(payload, &v)
	return v, err
}

// JSON is the codec every peer understands, as encoding/json does it, with two
// differences: text is written as it is, without escaping <, > and &, and into a
// *any whole numbers are read as int64 or uint64, so that none above 2^53 is changed.
type JSON struct{}

// Name returns "json".
func (JSON) Name() string { return "json" }

// Marshal encodes v as JSON without a line break at its end. A value with a method
// AppendJSON(dst []byte) ([]byte, error) encodes itself; what that appends must be one
// JSON value.
func (JSON) Marshal(v any) ([]byte, error) {
	if a, ok := v.(interface {
		AppendJSON(dst []byte) ([]byte, error)
	}); ok {
		return a.AppendJSON(nil)
	}
	if raw, ok := v.(*Raw); ok && raw != nil {
		return raw.MarshalJSON()
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// Unmarshal decodes JSON. Data must hold one value and nothing after it.
func (JSON) Unmarshal(data []byte, v any) error {
	out, ok := v.(*any)
	if !ok {
		return json.Unmarshal(data, v)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var x any
	if err := dec.Decode(&x); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	*out = plainNumbers(x)
	return nil
}

// plainNumbers replaces each json.Number in x.
func plainNumbers(x any) any {
	switch x := x.(type) {
	case json.Number:
		return plainNumber(x)
	case []any:
		for i := range x {
			x[i] = plainNumbers(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = plainNumbers(x[k])
		}
	}
	return x
}

func plainNumber(n json.Number) any {
	if n == "-0" {
		return math.Copysign(0, -1) // no integer is that
	}
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(n.String(), 10, 64); err == nil {
		return u
	}
	f, err := n.Float64()
	if err != nil {
		return n // beyond float64: the digits are all there is
	}
	return f
}
