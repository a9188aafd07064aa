package channel

import (
	"encoding/json"
	"reflect"

	"github.com/sigrouter/sigrouter/sig"
)

// largerThan reports whether v is likely to take more than most bytes when it is encoded.
// It counts what strings and lists hold, not the signs around them, and looks no further
// than it has to.
func largerThan(v any, most int) bool {
	switch v := v.(type) {
	case []byte:
		return len(v) > most
	case string:
		return len(v) > most
	case *sig.Raw:
		return v != nil && len(v.Bytes) > most
	case json.RawMessage:
		return len(v) > most
	}
	left := most
	return measure(reflect.ValueOf(v), &left, 0)
}

// measure takes the size of v off what is left. It reports whether nothing is left.
func measure(v reflect.Value, left *int, depth int) (over bool) {
	if depth > 64 || *left < 0 {
		return true // whoever encodes it finds out whether it has an end
	}
	switch v.Kind() {
	case reflect.String:
		*left -= v.Len()
	case reflect.Slice, reflect.Array:
		if fixed := v.Type().Elem().Size(); isFlat(v.Type().Elem().Kind()) {
			*left -= v.Len() * int(fixed)
			break
		}
		*left -= v.Len()
		for i := 0; i < v.Len() && *left >= 0; i++ {
			measure(v.Index(i), left, depth+1)
		}
	case reflect.Map:
		*left -= v.Len()
		for it := v.MapRange(); *left >= 0 && it.Next(); {
			measure(it.Key(), left, depth+1)
			measure(it.Value(), left, depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			measure(v.Field(i), left, depth+1)
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			measure(v.Elem(), left, depth+1)
		}
	default:
		*left -= 8
	}
	return *left < 0
}

func isFlat(k reflect.Kind) bool { return k >= reflect.Bool && k <= reflect.Complex128 }

// encoded returns the message as bytes: as they are where it is bytes, else as JSON.
func encoded(v any) (data []byte, raw bool, err error) {
	if r := reflect.ValueOf(v); r.IsValid() && r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8 {
		if _, own := v.(json.Marshaler); !own {
			return r.Bytes(), true, nil
		}
	}
	data, err = sig.JSON{}.Marshal(v)
	if err != nil {
		return nil, false, sig.Errorf(sig.ErrInvalid, "the message cannot be encoded: %v", err)
	}
	return data, false, nil
}
