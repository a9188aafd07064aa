package schema_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/api/schema"
	"github.com/sigrouter/sigrouter/sig"
)

func params(t *testing.T, rest bool, ps ...schema.Param) *schema.Params {
	t.Helper()
	out, err := schema.NewParams(ps, rest)
	require.NoError(t, err)
	return out
}

func raw(text string) *sig.Raw { return &sig.Raw{Codec: sig.JSON{}, Bytes: []byte(text)} }

func TestParams(t *testing.T) {
	ints, texts := compile(t, int8(0)), compile(t, "")
	ps := params(t, false,
		schema.Param{Field: schema.Field{Name: "a"}, Schema: ints},
		schema.Param{Field: schema.Field{Name: "b"}, Schema: ints, Preset: 2},
		schema.Param{Field: schema.Field{Name: "c", Optional: true}, Schema: texts})
	for _, c := range []struct {
		payload any
		a, b    int8
		c       string
		err     string
	}{
		{payload: raw(`[1]`), a: 1, b: 2},
		{payload: raw(`[1,3,"x"]`), a: 1, b: 3, c: "x"},
		{payload: raw(`{"b":3,"a":1}`), a: 1, b: 3},
		{payload: raw(`{"a":1,"b":null,"c":null}`), a: 1, b: 2},
		{payload: []any{int8(1), int8(3), "x"}, a: 1, b: 3, c: "x"},
		{payload: []any{1, 3, "x"}, a: 1, b: 3, c: "x"},
		{payload: map[string]any{"a": 1}, a: 1, b: 2},
		{payload: struct {
			A int `json:"a"`
		}{1}, a: 1, b: 2},
		{payload: nil, err: "a: missing; expected int8, -128 to 127"},
		{payload: raw(`[]`), err: "a: missing; expected int8, -128 to 127"},
		{payload: raw(`[1,2,"",4]`), err: "expected 1 to 3 parameters (a, b, c), got 4"},
		{payload: raw(`{"a":1,"d":1}`), err: "d: unknown; there is a, b, c"},
		{payload: raw(`7`), err: "7 does not fit; expected an object or a list of 1 to 3 parameters (a, b, c)"},
		{payload: []any{1, 300, "x"}, err: "b: 300 is out of range; expected int8, -128 to 127"},
		{payload: []any{func() {}}, err: "malformed JSON: json: unsupported type: func()"},
	} {
		var a, b int8
		var s string
		vars := []reflect.Value{reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem(), reflect.ValueOf(&s).Elem()}
		err := ps.Read(c.payload, vars)
		if c.err != "" {
			require.EqualError(t, err, c.err)
			continue
		}
		require.NoError(t, err, c.payload)
		require.Equal(t, []any{c.a, c.b, c.c}, []any{a, b, s}, c.payload)
	}
}

func TestParamsRest(t *testing.T) {
	ps := params(t, true,
		schema.Param{Field: schema.Field{Name: "first"}, Schema: compile(t, "")},
		schema.Param{Field: schema.Field{Name: "rest", Optional: true}, Schema: compile(t, []int{})})
	for text, want := range map[string][]int{
		`["x"]`: nil, `["x",1,2]`: {1, 2}, `{"first":"x","rest":[1,2]}`: {1, 2},
	} {
		var first string
		var rest []int
		require.NoError(t, ps.Read(raw(text), []reflect.Value{reflect.ValueOf(&first).Elem(), reflect.ValueOf(&rest).Elem()}))
		require.Equal(t, "x", first)
		require.Equal(t, want, rest, text)
	}
	var first string
	var rest []int
	err := ps.Read(raw(`["x",1,"y"]`), []reflect.Value{reflect.ValueOf(&first).Elem(), reflect.ValueOf(&rest).Elem()})
	require.ErrorContains(t, err, "rest[1]: ")
}

func TestReadParams(t *testing.T) {
	type p struct {
		A int `json:"a"`
		B int `json:"b" default:"2"`
	}
	s := compile(t, p{})
	for _, c := range []struct {
		payload any
		want    p
		err     string
	}{
		{raw(`{"a":1,"b":3}`), p{1, 3}, ""},
		{raw(`[1,3]`), p{1, 3}, ""},
		{raw(`[{"a":1}]`), p{1, 2}, ""},
		{[]any{p{1, 3}}, p{1, 3}, ""},
		{raw(`{"a":1,"c":3}`), p{}, "c: unknown; there is a, b"},
		{raw(`[{"a":1,"c":3}]`), p{}, "c: unknown; there is a, b"},
		{raw(`[{"a":1},2]`), p{}, `a: {"a":1} does not fit; expected int64`},
		{raw(`{}`), p{}, "a: missing; expected int64"},
	} {
		var got p
		err := s.ReadParams(c.payload, reflect.ValueOf(&got).Elem())
		if c.err != "" {
			require.EqualError(t, err, c.err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
}

func TestReadPayload(t *testing.T) {
	s := compile(t, student{})
	want := student{Name: "n", Limit: 1, Order: "age"}
	sent, err := json.Marshal(want)
	require.NoError(t, err)
	for _, payload := range []any{want, &want, raw(string(sent)), json.RawMessage(sent)} {
		var got student
		require.NoError(t, s.ReadPayload(payload, reflect.ValueOf(&got).Elem()))
		require.Equal(t, want, got)
	}
	var got student
	want.Limit = 0
	require.ErrorContains(t, s.ReadPayload(want, reflect.ValueOf(&got).Elem()), "limit: 0 is out of range")
	require.ErrorContains(t, s.ReadPayload(nil, reflect.ValueOf(&got).Elem()), "null does not fit")
}
