package msgpack_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/codec/msgpack"
	"github.com/sigrouter/sigrouter/sig"
)

var _ carrier.Codec = (*msgpack.Codec)(nil)

// A reading has fields of the kinds that programs send.
type reading struct {
	Sensor  string            `json:"sensor"`
	Value   float64           `json:"value"`
	Count   uint64            `json:"count"`
	Delta   int8              `json:"delta,omitempty"`
	Blob    []byte            `json:"blob"`
	Tags    map[string]string `json:"tags"`
	At      time.Time         `json:"at"`
	Next    *reading          `json:"next,omitempty"`
	Any     any               `json:"any"`
	List    []int             `json:"list"`
	Fixed   [2]byte           `json:"fixed"`
	Narrow  float32           `json:"narrow"`
	Hidden  string            `json:"-"`
	Untaged bool
	private int
}

// An odd struct has what is left to encoding/json.
type odd struct {
	embedded
	Text   temperature     `json:"text"`
	Quoted int             `json:"quoted,string"`
	Raw    json.RawMessage `json:"raw"`
	Number json.Number     `json:"number"`
	ByKey  map[int]string  `json:"by_key"`
	Zero   time.Time       `json:"zero,omitzero"`
}

type embedded struct {
	Inner int `json:"inner"`
}

// A temperature has methods of its own.
type temperature float64

func (t temperature) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%.1f C", float64(t)), nil
}

func (t *temperature) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "%f C", (*float64)(t))
	return err
}

type named string

// pointerText has its method on the pointer alone.
type pointerText struct{ s string }

func (p *pointerText) MarshalText() ([]byte, error) { return []byte("p:" + p.s), nil }

func values() map[string]any {
	at := time.Date(2026, 11, 30, 12, 30, 15, 123456789, time.FixedZone("", 2*3600))
	r := reading{
		Sensor: "temp-01", Value: 21.7, Count: math.MaxUint64, Delta: -3, Blob: []byte{0, 1, 254, 255},
		Tags: map[string]string{"ort": "Küche", "日本": "語"}, At: at, Any: map[string]any{"n": 1 << 60, "f": 1.5, "l": []any{nil, true}},
		List: []int{1, -2, 300, 70000, 1 << 40}, Fixed: [2]byte{7, 8}, Narrow: 0.1, Hidden: "no", Untaged: true, private: 4,
	}
	r2 := r
	r2.Next = &r
	return map[string]any{
		"nil": nil, "true": true, "false": false, "zero": 0, "one": 1, "minus": -1, "-32": -32, "-33": -33,
		"int8": int8(-128), "int16": int16(-30000), "int32": int32(math.MinInt32), "max int64": int64(math.MaxInt64),
		"min int64": int64(math.MinInt64), "max uint64": uint64(math.MaxUint64), "above 2^53": int64(1<<53 + 1), "2^63": uint64(1 << 63),
		"float": 21.375, "whole float": 3.0, "large whole float": 1e20, "larger": 1e21, "2^53 float": float64(1 << 53), "tiny": 5e-324, "huge": 1.7e308,
		"12345678901234567890.0": 12345678901234567890.0, "minus zero": math.Copysign(0, -1), "1e-7": 1e-7,
		"float32": float32(21.7), "float32 whole": float32(1 << 24), "float32 huge": float32(3.4e38), "float32 1e20": float32(1e20),
		"empty string": "", "string": "hello", "non-ASCII": "Grüße, 日本 🎉", "control": "a\"\\\n\r\t\x00\x1f\u2028</b>", "31": strings.Repeat("x", 31), "32": strings.Repeat("x", 32),
		"300": strings.Repeat("ü", 300), "not UTF-8": "a\xffb\xc3", "named": named("n"),
		"bytes": []byte{0, 1, 2, 255}, "no bytes": []byte{}, "nil bytes": []byte(nil), "many bytes": make([]byte, 300),
		"empty list": []any{}, "nil list": []any(nil), "list": []any{1, "two", 3.5, nil, []any{}}, "ints": []int{1, 2, 3}, "16": make([]int, 16), "300 ints": make([]int, 300),
		"array": [3]int{1, 2, 3}, "byte array": [3]byte{1, 2, 3}, "empty map": map[string]any{}, "nil map": map[string]any(nil),
		"nested":      map[string]any{"a": map[string]any{"b": []any{map[string]any{"c": uint64(math.MaxUint64)}}}},
		"map of ints": map[string]int{"a": 1}, "int keys": map[int]string{1: "a", -5: "b"}, "time": at, "UTC": at.UTC(), "duration": time.Second,
		"struct": r, "pointer": &r2, "nil pointer": (*reading)(nil), "text": temperature(21.5), "big": big.NewInt(1 << 40),
		"odd":          odd{embedded: embedded{5}, Text: 3, Quoted: 6, Raw: json.RawMessage(`{"a":[1,2.5]}`), Number: "1.5", ByKey: map[int]string{4: "x"}},
		"pointer text": pointerText{"x"}, "pointer to pointer text": &pointerText{"x"}, "slice of pointer text": []pointerText{{"x"}},
		"raw JSON": &sig.Raw{Codec: sig.JSON{}, Bytes: []byte(` { "a" : [ 1.0 , "\u00e9\ud83c\udf89" ] } `)}, "json.Number": json.Number("17"),
		"17 keys": seventeen(),
	}
}

func seventeen() map[string]int {
	m := map[string]int{}
	for i := range 17 {
		m[fmt.Sprint("key", i)] = i
	}
	return m
}

// TestSameAsJSON holds what MessagePack brings to what JSON brings, for variables of many
// types.
func TestSameAsJSON(t *testing.T) {
	c := msgpack.New()
	for name, v := range values() {
		t.Run(name, func(t *testing.T) {
			data, err := c.Marshal(v)
			require.NoError(t, err)
			text, err := sig.JSON{}.Marshal(v)
			require.NoError(t, err)
			same(t, c, data, text)
			sameDigits(t, c, data, text)
			size, err := c.Check(data, 64)
			require.NoError(t, err)
			asJSON, err := c.AppendJSON(nil, data)
			require.NoError(t, err)
			require.True(t, json.Valid(asJSON), "%s", asJSON)
			require.GreaterOrEqual(t, size, len(asJSON))
			same(t, c, data, asJSON)
			again, err := c.AppendFromJSON(nil, text)
			require.NoError(t, err)
			same(t, c, again, text)
		})
	}
}

// TestLarge sends what needs the longest heads.
func TestLarge(t *testing.T) {
	c := msgpack.New()
	large := map[string]any{"text": strings.Repeat("y", 70000), "bytes": make([]byte, 70000), "list": make([]int, 70000)}
	table := map[string]int{}
	for i := range 70000 {
		table[fmt.Sprint(i)] = i
	}
	large["map"] = table
	data, err := c.Marshal(large)
	require.NoError(t, err)
	text, err := sig.JSON{}.Marshal(large)
	require.NoError(t, err)
	again, err := c.AppendFromJSON(nil, text)
	require.NoError(t, err)
	var want, got, got2 any
	require.NoError(t, sig.JSON{}.Unmarshal(text, &want))
	require.NoError(t, c.Unmarshal(data, &got))
	require.NoError(t, c.Unmarshal(again, &got2))
	require.True(t, reflect.DeepEqual(want, got))
	require.True(t, reflect.DeepEqual(want, got2))
	_, err = c.Check(data, 64)
	require.NoError(t, err)
}

// same reads a payload and JSON into variables of many types and wants the same.
func same(t *testing.T, c *msgpack.Codec, data, text []byte) {
	t.Helper()
	for _, typ := range []reflect.Type{
		reflect.TypeFor[any](), reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[uint64](),
		reflect.TypeFor[float64](), reflect.TypeFor[float32](), reflect.TypeFor[string](), reflect.TypeFor[named](), reflect.TypeFor[[]byte](),
		reflect.TypeFor[[]any](), reflect.TypeFor[[]int](), reflect.TypeFor[[3]int](), reflect.TypeFor[map[string]any](), reflect.TypeFor[map[named]string](),
		reflect.TypeFor[map[int]string](), reflect.TypeFor[reading](), reflect.TypeFor[*reading](), reflect.TypeFor[odd](), reflect.TypeFor[time.Time](),
		reflect.TypeFor[temperature](), reflect.TypeFor[json.RawMessage](), reflect.TypeFor[json.Number](), reflect.TypeFor[**int](),
		reflect.TypeFor[struct{ SENSOR any }](), reflect.TypeFor[error](),
	} {
		want, got := reflect.New(typ), reflect.New(typ)
		wantErr := sig.JSON{}.Unmarshal(text, want.Interface())
		gotErr := c.Unmarshal(data, got.Interface())
		if (wantErr == nil) != (gotErr == nil) {
			t.Fatalf("%x as %v: error %v, JSON %.200s gives %v", head(data), typ, gotErr, text, wantErr)
		}
		if wantErr == nil && typ != reflect.TypeFor[json.RawMessage]() && !equal(want.Elem().Interface(), got.Elem().Interface()) {
			t.Fatalf("%x as %v: got %#v, JSON %.200s gives %#v", head(data), typ, got.Elem().Interface(), text, want.Elem().Interface())
		}
	}
}

// sameDigits is same for a type that reads the digits itself. How numbers with an exponent
// were written is not kept.
func sameDigits(t *testing.T, c *msgpack.Codec, data, text []byte) {
	t.Helper()
	var want, got *big.Int
	wantErr, gotErr := sig.JSON{}.Unmarshal(text, &want), c.Unmarshal(data, &got)
	require.Equal(t, wantErr == nil, gotErr == nil)
	require.Equal(t, want, got)
}

func head(b []byte) []byte { return b[:min(len(b), 64)] }

// equal is reflect.DeepEqual for what was decoded: it tells 0 from -0, and not one spelling
// of a number, or of a time zone, from another.
func equal(a, b any) bool {
	switch x := a.(type) {
	case json.Number:
		f, _ := x.Float64()
		g, _ := b.(json.Number).Float64()
		return f == g
	case time.Time:
		return x.Equal(b.(time.Time))
	case float64:
		y, ok := b.(float64)
		return ok && x == y && math.Signbit(x) == math.Signbit(y)
	}
	return reflect.DeepEqual(a, b)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

// TestMeaning says which MessagePack stands for which JSON.
func TestMeaning(t *testing.T) {
	c := msgpack.New()
	for _, test := range []struct{ name, hex, json string }{
		{"nil", "c0", `null`}, {"false", "c2", `false`}, {"true", "c3", `true`},
		{"1 in five ways", "95 01 cc01 cd0001 ce00000001 cf0000000000000001", `[1,1,1,1,1]`},
		{"-1 in five ways", "95 ff d0ff d1ffff d2ffffffff d3ffffffffffffffff", `[-1,-1,-1,-1,-1]`},
		{"positive signed", "92 d07f d17fff", `[127,32767]`},
		{"max uint64", "cfffffffffffffffff", `18446744073709551615`},
		{"float64 whole", "cb4008000000000000", `3.0`}, {"float64", "cb3fb999999999999a", `0.1`},
		{"float32", "ca41ad999a", `21.7`}, {"float32 whole", "ca40400000", `3.0`}, {"minus zero", "cb8000000000000000", `-0`},
		{"large", "cb4415af1d78b58c40", `100000000000000000000`}, {"larger", "cb444b1ae4d6e2ef50", `1e+21`},
		{"string", "a568c3a96c6c", `"héll"`}, {"str8", "d90161", `"a"`}, {"str16", "da000161", `"a"`}, {"str32", "db0000000161", `"a"`},
		{"escapes", "a5225c0a1f2f", `"\"\\\n\u001f/"`},
		{"binary", "c403010203", `"AQID"`}, {"bin16", "c500020001", `"AAE="`}, {"no binary", "c400", `""`},
		{"arrays", "93 90 dc0001c0 dd00000001c0", `[[],[null],[null]]`}, {"maps", "82 a161 80 a162 de0001a163c0", `{"a":{},"b":{"c":null}}`},
		{"integer keys", "83 01a161 fba162 cd012ca163", `{"1":"a","-5":"b","300":"c"}`},
		{"a key twice", "82 a16101 a16102", `{"a":1,"a":2}`},
		{"timestamp of 4 bytes", "d6ff00000000", `"1970-01-01T00:00:00Z"`},
		{"timestamp of 8 bytes", "d7ff1dcd650000000001", `"1970-01-01T00:00:01.125Z"`},
		{"timestamp of 12 bytes", "c70cff00000001ffffffffffffffff", `"1969-12-31T23:59:59.000000001Z"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := unhex(t, test.hex)
			size, err := c.Check(data, 64)
			require.NoError(t, err)
			got, err := c.AppendJSON([]byte("x"), data)
			require.NoError(t, err)
			require.Equal(t, "x"+test.json, string(got))
			require.GreaterOrEqual(t, size, len(test.json))
			same(t, c, data, got[1:])
		})
	}
}

// TestRefused says what is no payload, however it is read.
func TestRefused(t *testing.T) {
	c := msgpack.New()
	for _, test := range []struct{ name, hex, text string }{
		{"nothing", "", "ends too early"}, {"the byte that is never used", "c1", "0xc1"}, {"two values", "c0c0", "after the end"},
		{"half a number", "cd01", "too early"}, {"half a float", "cb000000", "too early"}, {"half a string", "a361", "too early"}, {"a string of 4 GiB", "dbffffffff61", "too early"},
		{"half an array", "9201", "more than there are"}, {"an array of 2^32", "ddffffffff01", "more than there are"}, {"a map of 2^31", "df80000000a161", "more than there are"},
		{"half a map", "81a161", "too early"}, {"not UTF-8", "a1ff", "UTF-8"}, {"half a surrogate pair", "a3eda080", "UTF-8"}, {"a key that is not UTF-8", "81a1ff01", "UTF-8"},
		{"a key that is nil", "81c001", "key"}, {"a key that is binary", "81c4016101", "key"}, {"a key that is a float", "81ca3f80000001", "key"}, {"a key that is an array", "819001", "key"},
		{"NaN", "cb7ff8000000000000", "NaN"}, {"infinite", "caff800000", "infinite"}, {"infinite inside", "91cb7ff0000000000000", "infinite"},
		{"an extension", "d40100", "type 1"}, {"an extension of 4 GiB", "c9ffffffff0100", "too early"}, {"a timestamp of one byte", "d4ff00", "timestamp"},
		{"a timestamp of too many nanoseconds", "d7ffee6b280000000000", "timestamp"}, {"a timestamp of the year 10000", "c70cff00000000 0000003afff44180", "timestamp"},
		{"a timestamp of the year -1", "c70cff00000000fffffff1868b83ff", "timestamp"},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := unhex(t, test.hex)
			_, err := c.Check(data, 64)
			require.ErrorIs(t, err, sig.ErrMalformed)
			require.ErrorContains(t, err, test.text)
			_, err = c.AppendJSON(nil, data)
			require.ErrorIs(t, err, sig.ErrMalformed)
			for _, v := range []any{new(any), new(map[string]any), new([]any), new(reading), new(string), new(float64), new(json.RawMessage), new(time.Time)} {
				require.Error(t, c.Unmarshal(data, v), "%T", v)
			}
		})
	}
}

// TestNesting takes 64 levels and refuses more, soon: 10^6 levels cost no more than their
// bytes.
func TestNesting(t *testing.T) {
	c := msgpack.New()
	deep := func(n int, head string) []byte { return unhex(t, strings.Repeat(head, n)+"c0") }
	for _, head := range []string{"91", "81a161"} {
		_, err := c.Check(deep(64, head), 64)
		require.NoError(t, err)
		_, err = c.Check(deep(65, head), 64)
		require.ErrorIs(t, err, sig.ErrLimit)
		require.ErrorContains(t, err, "64 levels (limit MaxDepth)")
		million := deep(1_000_000, head)
		_, err = c.Check(million, 64)
		require.ErrorIs(t, err, sig.ErrLimit)
		_, err = c.AppendJSON(nil, million)
		require.ErrorIs(t, err, sig.ErrLimit)
		require.ErrorIs(t, c.Unmarshal(million, new(any)), sig.ErrLimit)
		require.ErrorIs(t, c.Unmarshal(million, new(reading)), sig.ErrLimit)
	}
	_, err := c.AppendFromJSON(nil, []byte(strings.Repeat("[", 1_000_000)))
	require.ErrorContains(t, err, "nested deeper")
	type loop struct{ Next *loop }
	l := &loop{}
	l.Next = l
	_, err = c.Marshal(l)
	require.ErrorContains(t, err, "contains itself")
}

// TestMemory: heads that promise much get memory only for what is there.
func TestMemory(t *testing.T) {
	c := msgpack.New()
	// 60 arrays inside each other, each promising as many elements as there are bytes.
	data := make([]byte, 1<<16)
	for i := range 60 {
		copy(data[5*i:], []byte{0xdd, 0, 0, 0xf0, 0})
	}
	for _, fn := range []func(){
		func() { _ = c.Unmarshal(data, new(any)) },
		func() { _ = c.Unmarshal(data, new([][][][]any)) },
		func() { _, _ = c.Check(data, 64) },
		func() { _, _ = c.AppendJSON(nil, data) },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		fn()
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
	}
}

// TestNotInMessagePack names what JSON can say and MessagePack cannot.
func TestNotInMessagePack(t *testing.T) {
	c := msgpack.New()
	for text, want := range map[string]string{
		`18446744073709551616`: "64 bits", `-9223372036854775809`: "64 bits", `1e400`: "float64", `["\ud800"]`: "surrogate", `"\udc00\ud800"`: "surrogate",
		`{"\ud800":1}`: "surrogate", `[1`: "too early", `nul`: "no value", `1 2`: "more than one", `{"a" 1}`: "colon", `{1:2}`: "no name", `"\x"`: "escape", `-`: "64 bits", ``: "too early",
	} {
		dst, err := c.AppendFromJSON([]byte{1}, []byte(text))
		require.ErrorContains(t, err, want, text)
		require.Equal(t, []byte{1}, dst)
	}
	_, err := c.Marshal(json.Number("123456789012345678901234567890"))
	require.ErrorContains(t, err, "64 bits")
	for _, v := range []any{math.NaN(), []any{math.Inf(1)}, float32(math.Inf(-1)), make(chan int), func() {}, map[string]any{"a": complex(1, 2)}, map[bool]int{true: 1}} {
		_, err := c.Marshal(v)
		require.Error(t, err, "%T", v)
		_, err = sig.JSON{}.Marshal(v)
		require.Error(t, err, "%T", v)
	}
}

// TestRaw passes a payload on as it is.
func TestRaw(t *testing.T) {
	c := msgpack.New()
	data := unhex(t, "82 a161 c403010203 a162 cfffffffffffffffff")
	raw := &sig.Raw{Codec: c, Bytes: data}
	got, err := msgpack.New().Marshal(raw)
	require.NoError(t, err)
	require.Equal(t, data, got)
	got, err = c.Marshal([]any{raw, raw})
	require.NoError(t, err)
	require.Equal(t, unhex(t, "92"+hex.EncodeToString(data)+hex.EncodeToString(data)), got)
	text, err := sig.JSON{}.Marshal(map[string]any{"x": raw})
	require.NoError(t, err)
	require.JSONEq(t, `{"x":{"a":"AQID","b":18446744073709551615}}`, string(text))
	require.Equal(t, `{"a":"AQID","b":18446744073709551615}`, raw.String())
	_, err = c.Marshal(&sig.Raw{Codec: c, Bytes: []byte{0xc1}})
	require.ErrorIs(t, err, sig.ErrMalformed)
	var b struct{ A []byte }
	require.NoError(t, sig.Decode(raw, &b))
	require.Equal(t, []byte{1, 2, 3}, b.A)
	var invalid *json.InvalidUnmarshalError
	require.True(t, errors.As(c.Unmarshal(data, nil), &invalid))
}
