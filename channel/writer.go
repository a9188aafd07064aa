package channel

import (
	"encoding/binary"
	"math"
	"time"
)

// A Writer puts typed fields one after the other into a binary payload, for channels of
// []byte. The bytes are those of Echo's MessageWriter: least significant byte first, texts and
// lists after their lengths. The zero value is an empty payload.
type Writer struct{ buf []byte }

// Bytes returns the payload. It is the writer's own until Reset.
func (w *Writer) Bytes() []byte { return w.buf }

// Reset begins a new payload, in memory of its own.
func (w *Writer) Reset() { w.buf = nil }

// Short writes 2 bytes.
func (w *Writer) Short(v int16) { w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(v)) }

// Int writes 4 bytes.
func (w *Writer) Int(v int32) { w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(v)) }

// Long writes 8 bytes.
func (w *Writer) Long(v int64) { w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(v)) }

// Bool writes 1 byte, 1 or 0.
func (w *Writer) Bool(v bool) {
	var b byte
	if v {
		b = 1
	}
	w.Char(b)
}

// Char writes 1 byte.
func (w *Writer) Char(v byte) { w.buf = append(w.buf, v) }

// Float writes 4 bytes, as IEEE 754 says.
func (w *Writer) Float(v float32) {
	w.buf = binary.LittleEndian.AppendUint32(w.buf, math.Float32bits(v))
}

// Double writes 8 bytes, as IEEE 754 says.
func (w *Writer) Double(v float64) {
	w.buf = binary.LittleEndian.AppendUint64(w.buf, math.Float64bits(v))
}

// String writes the length, 4 bytes, and the bytes of the text.
func (w *Writer) String(v string) {
	w.Count(len(v))
	w.buf = append(w.buf, v...)
}

// Timestamp writes microseconds since 1970, 8 bytes.
func (w *Writer) Timestamp(v time.Time) { w.Long(v.UnixMicro()) }

// Count writes how many items of a list follow, 4 bytes.
func (w *Writer) Count(n int) { w.Int(int32(n)) }

// Array writes the size, 8 bytes, and the bytes.
func (w *Writer) Array(v []byte) {
	w.Long(int64(len(v)))
	w.buf = append(w.buf, v...)
}

// Header writes where a message is from and when it was made: a String and a Timestamp.
func (w *Writer) Header(source string, at time.Time) {
	w.String(source)
	w.Timestamp(at)
}

// Dictionary writes a Count, and for each entry the key and the value as Strings.
func (w *Writer) Dictionary(v map[string]string) {
	w.Count(len(v))
	for key, value := range v {
		w.String(key)
		w.String(value)
	}
}

// Tensor writes the number of dimensions and each of them, 8 bytes each, the type of the
// elements, 1 byte, and the elements.
func (w *Writer) Tensor(v Tensor) {
	w.Long(int64(len(v.Dims)))
	for _, d := range v.Dims {
		w.Long(int64(d))
	}
	w.Char(byte(v.Type))
	w.buf = append(w.buf, v.Data...)
}
