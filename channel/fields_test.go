package channel_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/channel"
	"github.com/sigrouter/sigrouter/sig"
)

func TestFields(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	image := channel.Tensor{Dims: []int{2, 3}, Type: channel.Int16, Data: []byte("abcdefghijkl")}
	require.NoError(t, image.Check())
	var w channel.Writer
	w.Short(-2)
	w.Int(math.MinInt32)
	w.Long(math.MaxInt64)
	w.Bool(true)
	w.Bool(false)
	w.Char('x')
	w.Float(1.5)
	w.Double(-0.1)
	w.String("né")
	w.Timestamp(at)
	w.Count(2)
	w.Short(1)
	w.Short(2)
	w.Array([]byte{0, 255})
	w.Header("camera", at)
	w.Dictionary(map[string]string{"a": "1", "b": ""})
	w.Tensor(image)
	w.Tensor(channel.Tensor{Dims: []int{0}, Type: channel.Float64})

	r := channel.NewReader(w.Bytes())
	require.Equal(t, int16(-2), r.Short())
	require.Equal(t, int32(math.MinInt32), r.Int())
	require.Equal(t, int64(math.MaxInt64), r.Long())
	require.True(t, r.Bool())
	require.False(t, r.Bool())
	require.Equal(t, byte('x'), r.Char())
	require.Equal(t, float32(1.5), r.Float())
	require.Equal(t, -0.1, r.Double())
	require.Equal(t, "né", r.String())
	require.Equal(t, at, r.Timestamp())
	require.Equal(t, 2, r.Count(2))
	require.Equal(t, int16(1), r.Short())
	require.Equal(t, int16(2), r.Short())
	require.Equal(t, []byte{0, 255}, r.Array())
	source, made := r.Header()
	require.Equal(t, "camera", source)
	require.Equal(t, at, made)
	require.Equal(t, map[string]string{"a": "1", "b": ""}, r.Dictionary())
	require.Equal(t, image, r.Tensor())
	require.Positive(t, r.Left())
	require.Equal(t, []int{0}, r.Tensor().Dims)
	require.NoError(t, r.End())
	w.Reset()
	require.Empty(t, w.Bytes())
}

// The bytes are those that Echo's own peers send.
func TestFieldsAreEchos(t *testing.T) {
	var w channel.Writer
	w.String("alias") // as in a lookup of Echo's router
	require.Equal(t, "05000000"+"616c696173", hex.EncodeToString(w.Bytes()))
	w.Reset()
	w.Dictionary(map[string]string{"code": "5"})
	require.Equal(t, "01000000"+"04000000"+"636f6465"+"01000000"+"35", hex.EncodeToString(w.Bytes()))
	w.Reset()
	w.Timestamp(time.UnixMicro(1))
	w.Array([]byte{7})
	w.Tensor(channel.Tensor{Dims: []int{1, 2}, Type: channel.Uint8, Data: []byte{8, 9}})
	require.Equal(t, "0100000000000000"+"0100000000000000"+"07"+
		"0200000000000000"+"0100000000000000"+"0200000000000000"+"00"+"0809", hex.EncodeToString(w.Bytes()))
}

// What is not there, or makes no sense, stops the reader; nothing panics.
func TestBadFields(t *testing.T) {
	long := func(n int64) []byte { var w channel.Writer; w.Long(n); return w.Bytes() }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		payload []byte
		read    func(*channel.Reader) any
		says    string
	}{
		{nil, func(r *channel.Reader) any { return r.Short() }, "at byte 0: a short of 2 bytes, and 0 are left"},
		{[]byte{1}, func(r *channel.Reader) any { return r.Int() }, "at byte 0: an int of 4 bytes, and 1 are left"},
		{[]byte{1}, func(r *channel.Reader) any { r.Char(); return r.Bool() }, "at byte 1: a bool of 1 bytes, and 0 are left"},
		{nil, func(r *channel.Reader) any { return r.Char() }, "at byte 0: a char of 1 bytes, and 0 are left"},
		{nil, func(r *channel.Reader) any { return r.Double() }, "at byte 0: a double of 8 bytes, and 0 are left"},
		{nil, func(r *channel.Reader) any { return r.Float() }, "at byte 0: a float of 4 bytes, and 0 are left"},
		{nil, func(r *channel.Reader) any { return r.Timestamp() }, "at byte 0: a long of 8 bytes, and 0 are left"},
		{[]byte{255, 255, 255, 127}, func(r *channel.Reader) any { return r.String() }, "at byte 4: a string of 2147483647 bytes, and 0 are left"},
		{[]byte{255, 255, 255, 255}, func(r *channel.Reader) any { return r.String() }, "at byte 4: a string of -1 bytes, and 0 are left"},
		{[]byte{9, 0, 0, 0, 1}, func(r *channel.Reader) any { return r.Count(1) }, "at byte 4: a list of 9 items, and 1 bytes are left"},
		{[]byte{9, 0, 0, 0, 1}, func(r *channel.Reader) any { return r.Dictionary() }, "at byte 4: a list of 9 items, and 1 bytes are left"},
		{long(-1), func(r *channel.Reader) any { return r.Array() }, "at byte 8: an array of -1 bytes, and 0 are left"},
		{long(1 << 62), func(r *channel.Reader) any { return r.Array() }, "at byte 8: an array of 4611686018427387904 bytes, and 0 are left"},
		{long(33), func(r *channel.Reader) any { return r.Tensor() }, "at byte 8: a tensor of 33 dimensions; 32 are the most"},
		{join(long(1), long(-5)), func(r *channel.Reader) any { return r.Tensor() }, "at byte 16: a tensor with a dimension of -5"},
		{join(long(2), long(1<<40), long(1<<40)), func(r *channel.Reader) any { return r.Tensor() }, "at byte 24: a tensor with a dimension of 1099511627776"},
		{join(long(1), long(1), []byte{8, 1}), func(r *channel.Reader) any { return r.Tensor() }, "at byte 17: a tensor of element type 8, which is not known"},
		{join(long(1), long(2), []byte{0, 1}), func(r *channel.Reader) any { return r.Tensor() }, "at byte 17: a tensor of 2 bytes, and 1 are left"},
	} {
		r := channel.NewReader(c.payload)
		require.Zero(t, c.read(r), c.says)
		require.EqualError(t, r.Err(), c.says)
		require.ErrorIs(t, r.Err(), sig.ErrMalformed)
		r.Long()
		require.EqualError(t, r.End(), c.says, "the first error stays")
	}
	r := channel.NewReader([]byte{1, 2})
	r.Char()
	require.NoError(t, r.Err())
	require.EqualError(t, r.End(), "at byte 1: 1 bytes are left over")

	require.EqualError(t, channel.Tensor{Dims: []int{2, 2}, Type: channel.Float32, Data: make([]byte, 15)}.Check(),
		"a tensor of [2 2] elements of 4 bytes needs 16 bytes, and has 15")
	require.EqualError(t, channel.Tensor{Dims: []int{-1}}.Check(), "the tensor has a dimension of -1")
	require.EqualError(t, channel.Tensor{Type: 99}.Check(), "the tensor's element type 99 is not known")
}

func FuzzReader(f *testing.F) {
	var w channel.Writer
	w.String("x")
	w.Tensor(channel.Tensor{Dims: []int{2}, Type: channel.Uint8, Data: []byte{1, 2}})
	f.Add(w.Bytes(), []byte{0, 6})
	f.Add([]byte{}, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, payload, fields []byte) {
		r := channel.NewReader(payload)
		read := 0
		for _, field := range fields {
			switch field % 9 {
			case 0:
				read += len(r.String())
			case 1:
				r.Short()
			case 2:
				r.Long()
			case 3:
				r.Double()
			case 4:
				read += len(r.Array())
			case 5:
				r.Count(1)
			case 6:
				read += len(r.Tensor().Data)
			case 7:
				read += len(r.Dictionary())
			case 8:
				r.Bool()
			}
		}
		if read > len(payload) {
			t.Errorf("%d items read of %d bytes", read, len(payload))
		}
		if r.Err() != nil && r.Left() != 0 {
			t.Error("it goes on after an error")
		}
	})
}

func TestTypeOf(t *testing.T) {
	type point struct {
		X, Y int32
		Name string `json:"name,omitempty"`
		skip int
		Not  int `json:"-"`
	}
	type tree struct {
		Left, Right *tree
		At          time.Time
	}
	_ = point{}.skip
	require.Equal(t, "{X int32; Y int32; name string}", channel.TypeOf[point]())
	require.Equal(t, "{X int32; Y int32; name string}", channel.TypeOf[*point]())
	require.Equal(t, "[]{X int32; Y int32; name string}", channel.TypeOf[[]point]())
	require.Equal(t, "{Left ^1; Right ^1; At timestamp}", channel.TypeOf[tree]())
	require.Equal(t, "{string:[3]float64}", channel.TypeOf[map[string][3]float64]())
	require.Equal(t, "bytes", channel.TypeOf[[]byte]())
	require.Equal(t, "any", channel.TypeOf[any]())
	require.Equal(t, "int64", channel.TypeOf[int]())
	require.Equal(t, "uint64", channel.TypeOf[uint]())
	require.Equal(t, "json.RawMessage", channel.TypeOf[json.RawMessage]())
	type large struct {
		A, B, C, D, E, F, G, H, I, J point
	}
	require.True(t, strings.HasPrefix(channel.TypeOf[large](), "sha256:"))
	require.Len(t, channel.TypeOf[large](), 7+64)
}
