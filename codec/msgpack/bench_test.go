package msgpack_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/codec/msgpack"
	"github.com/sigrouter/sigrouter/sig"
)

// A sample is what a sensor sends.
type sample struct {
	Seq    uint64            `json:"seq"`
	Sensor string            `json:"sensor"`
	Value  float64           `json:"value"`
	Unit   string            `json:"unit"`
	OK     bool              `json:"ok"`
	Last   []float64         `json:"last"`
	Tags   map[string]string `json:"tags,omitempty"`
}

func newSample() *sample {
	return &sample{1234567890, "temp-01", 21.375, "C", true, []float64{21.25, 21.5, 21.625}, map[string]string{"room": "kitchen", "floor": "2"}}
}

// BenchmarkCodec encodes and decodes a struct and a map, by MessagePack and by JSON, and
// does with bytes what routers do.
func BenchmarkCodec(b *testing.B) {
	mp := msgpack.New()
	s := newSample()
	text, err := sig.JSON{}.Marshal(s)
	require.NoError(b, err)
	data, err := mp.Marshal(s)
	require.NoError(b, err)
	var table any
	require.NoError(b, mp.Unmarshal(data, &table))
	buf := make([]byte, 0, 1<<10)
	b.Logf("%d bytes of MessagePack, %d of JSON", len(data), len(text))
	for _, bench := range []struct {
		name string
		fn   func() error
	}{
		{"msgpack/encode/struct", func() error { _, err := mp.Marshal(s); return err }},
		{"json/encode/struct", func() error { _, err := sig.JSON{}.Marshal(s); return err }},
		{"msgpack/encode/map", func() error { _, err := mp.Marshal(table); return err }},
		{"json/encode/map", func() error { _, err := sig.JSON{}.Marshal(table); return err }},
		{"msgpack/decode/struct", func() error { return mp.Unmarshal(data, new(sample)) }},
		{"json/decode/struct", func() error { return sig.JSON{}.Unmarshal(text, new(sample)) }},
		{"msgpack/decode/any", func() error { return mp.Unmarshal(data, new(any)) }},
		{"json/decode/any", func() error { return sig.JSON{}.Unmarshal(text, new(any)) }},
		{"check", func() error { _, err := mp.Check(data, 64); return err }},
		{"to JSON", func() error { _, err := mp.AppendJSON(buf, data); return err }},
		{"from JSON", func() error { _, err := mp.AppendFromJSON(buf, text); return err }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if err := bench.fn(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestAllocations: what a router does with every payload allocates nothing.
func TestAllocations(t *testing.T) {
	mp := msgpack.New()
	s := newSample()
	text, err := sig.JSON{}.Marshal(s)
	require.NoError(t, err)
	data, err := mp.Marshal(s)
	require.NoError(t, err)
	buf := make([]byte, 0, 1<<10)
	for name, fn := range map[string]func(){
		"Check":          func() { _, _ = mp.Check(data, 64) },
		"AppendJSON":     func() { _, _ = mp.AppendJSON(buf, data) },
		"AppendFromJSON": func() { _, _ = mp.AppendFromJSON(buf, text) },
	} {
		require.Zero(t, testing.AllocsPerRun(100, fn), name)
	}
}
