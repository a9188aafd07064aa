package sig_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

type point struct{ X, Y int }

func raw(text string) *sig.Raw { return &sig.Raw{Codec: sig.JSON{}, Bytes: []byte(text)} }

// Decode reads a value that came over a carrier and one that is still itself alike.
func TestDecode(t *testing.T) {
	for _, payload := range []any{raw(`{"X":1,"Y":2}`), point{1, 2}, &point{1, 2}, map[string]any{"X": 1, "Y": 2}, struct{ Y, X, Z int }{2, 1, 3}} {
		var p point
		require.NoError(t, sig.Decode(payload, &p), "%T", payload)
		require.Equal(t, point{1, 2}, p, "%T", payload)
	}
	// The value itself where that can be.
	value := &point{1, 2}
	var same *point
	require.NoError(t, sig.Decode(value, &same))
	require.Same(t, value, same)
	var any1 any
	require.NoError(t, sig.Decode(value, &any1))
	require.Same(t, value, any1)
	var err1 error
	boom := errors.New("boom")
	require.NoError(t, sig.Decode(boom, &err1))
	require.Same(t, boom, err1)

	n := 5
	require.NoError(t, sig.Decode(nil, &n))
	require.Zero(t, n, "nothing is the zero value")
	var f float64
	require.NoError(t, sig.Decode(7, &f))
	require.Equal(t, 7.0, f)

	e := sig.NewEvent("s", "a", raw(`7`))
	require.NoError(t, e.Decode(&n))
	require.Equal(t, 7, n)
	require.NoError(t, sig.NewRequest("s", "m", 8).Decode(&n))
	require.Equal(t, 8, n)
	require.NoError(t, sig.Response{Data: 9}.Decode(&n))
	require.Equal(t, 9, n)
}

func TestDecode_Errors(t *testing.T) {
	var n int
	for payload, text := range map[any]string{
		raw(`"x"`): "cannot read json payload as *int", raw(``): "json", raw(`1 2`): "json", "x": "cannot read string as *int",
	} {
		require.ErrorContains(t, sig.Decode(payload, &n), text, "%v", payload)
	}
	require.ErrorContains(t, sig.Decode(func() {}, &n), "cannot read func() as *int")
	require.ErrorContains(t, sig.Decode(1, n), "needs a pointer")
	require.ErrorContains(t, sig.Decode(1, nil), "needs a pointer")
	require.ErrorContains(t, sig.Decode(1, (*int)(nil)), "needs a pointer")
}

func TestAs(t *testing.T) {
	n, err := sig.As[int](7)
	require.NoError(t, err)
	require.Equal(t, 7, n)
	p, err := sig.As[point](raw(`{"X":1,"Y":2}`))
	require.NoError(t, err)
	require.Equal(t, point{1, 2}, p)
	_, err = sig.As[int]("x")
	require.Error(t, err)
	v, err := sig.As[any](nil)
	require.NoError(t, err)
	require.Nil(t, v)
	r, err := sig.As[*sig.Raw](raw(`1`))
	require.NoError(t, err)
	require.Equal(t, "1", r.String())
}

// Whole numbers stay whole, and none is changed.
func TestJSON_Numbers(t *testing.T) {
	for text, want := range map[string]any{
		`0`: int64(0), `-1`: int64(-1), `9007199254740993`: int64(9007199254740993),
		fmt.Sprint(int64(math.MaxInt64)): int64(math.MaxInt64), fmt.Sprint(int64(math.MinInt64)): int64(math.MinInt64),
		fmt.Sprint(uint64(math.MaxUint64)): uint64(math.MaxUint64), `18446744073709551616`: 18446744073709551616.0,
		`1.5`: 1.5, `1e3`: 1000.0, `1.0`: 1.0, `-0.0`: math.Copysign(0, -1), `1e400`: json.Number("1e400"),
		`[1,[2.5,{"a":3}],null,true,"x"]`: []any{int64(1), []any{2.5, map[string]any{"a": int64(3)}}, nil, true, "x"},
	} {
		var v any
		require.NoError(t, sig.JSON{}.Unmarshal([]byte(text), &v), text)
		require.Equal(t, want, v, text)
	}
	var n int
	require.NoError(t, sig.JSON{}.Unmarshal([]byte(`7`), &n))
	require.Equal(t, 7, n)
	var v any
	for _, bad := range []string{``, ` `, `1 2`, `{`, `NaN`, `{"a":1}x`, "\xff"} {
		require.Error(t, sig.JSON{}.Unmarshal([]byte(bad), &v), "%q", bad)
	}
	require.NoError(t, sig.JSON{}.Unmarshal([]byte(" 1 \n"), &v))
}

func TestJSON_Marshal(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{"<a & b>", `"<a & b>"`}, {nil, `null`}, {point{1, 2}, `{"X":1,"Y":2}`}, {uint64(math.MaxUint64), `18446744073709551615`},
		{raw(`{"a": 1}`), `{"a": 1}`}, {map[string]any{"x": raw(`[1]`)}, `{"x":[1]}`}, {[]byte("hi"), `"aGk="`},
	} {
		b, err := sig.JSON{}.Marshal(c.v)
		require.NoError(t, err)
		require.Equal(t, c.want, string(b))
	}
	_, err := sig.JSON{}.Marshal(math.NaN())
	require.Error(t, err)
	require.Equal(t, "json", sig.JSON{}.Name())
}

// A codec that is not JSON, for what reads payloads of either.
type upper struct{ sig.JSON }

func (upper) Name() string { return "upper" }

func TestRaw_OtherCodec(t *testing.T) {
	r := &sig.Raw{Codec: upper{}, Bytes: []byte(`{ "a":1}`)}
	require.Equal(t, `{"a":1}`, r.String(), "written anew, as JSON")
	v, err := r.Value()
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": int64(1)}, v)
	broken := &sig.Raw{Codec: upper{}, Bytes: []byte(`{`)}
	require.Contains(t, broken.String(), "1 bytes of upper")
	require.ErrorContains(t, broken.Decode(&v), "cannot read upper payload")
	_, err = sig.JSON{}.Marshal(broken)
	require.Error(t, err)
}
