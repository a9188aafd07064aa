package channel

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// TypeOf describes the layout of T, for use as the type of a channel: programs that agree
// on the fields agree on the type, whatever they call it. Fields are named as in JSON,
// integers and floats by their size. A description that is too long is replaced by its
// hash.
func TypeOf[T any]() string {
	text := layout(reflect.TypeFor[T](), nil)
	if len(text) <= most/2 {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// layout describes a type; above are those it is part of.
func layout(t reflect.Type, above []reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return layout(t.Elem(), above)
	case reflect.Interface:
		return "any"
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "timestamp"
	case t.Implements(reflect.TypeFor[json.Marshaler]()):
		return t.String()
	}
	for i, outer := range above {
		if outer == t {
			return fmt.Sprintf("^%d", len(above)-i)
		}
	}
	above = append(above[:len(above):len(above)], t)
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "[]" + layout(t.Elem(), above)
	case reflect.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), layout(t.Elem(), above))
	case reflect.Map:
		return "{" + layout(t.Key(), above) + ":" + layout(t.Elem(), above) + "}"
	case reflect.Struct:
		return structLayout(t, above)
	case reflect.Int:
		return "int64"
	case reflect.Uint:
		return "uint64"
	}
	return t.Kind().String()
}

func structLayout(t reflect.Type, above []reflect.Type) string {
	var fields []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields = append(fields, name+" "+layout(f.Type, above))
	}
	return "{" + strings.Join(fields, "; ") + "}"
}
