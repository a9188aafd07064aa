package msgpack

import (
	"encoding/binary"
	"math"
)

func appendUint(dst []byte, n uint64) []byte {
	switch {
	case n <= 0x7f:
		return append(dst, byte(n))
	case n <= math.MaxUint8:
		return append(dst, 0xcc, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), n)
}

func appendInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0:
		return appendUint(dst, uint64(n))
	case n >= -32:
		return append(dst, byte(n))
	case n >= math.MinInt8:
		return append(dst, 0xd0, byte(n))
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(n))
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(n))
}

func appendFloat64(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(f))
}

func appendFloat32(dst []byte, f float32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, 0xca), math.Float32bits(f))
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 0xc3)
	}
	return append(dst, 0xc2)
}

// appendStringHead appends what comes before the n bytes of a string.
func appendStringHead(dst []byte, n int) []byte {
	switch {
	case n <= 0x1f:
		return append(dst, 0xa0|byte(n))
	case n <= math.MaxUint8:
		return append(dst, 0xd9, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, 0xdb), uint32(n))
}

func appendBinary(dst, data []byte) []byte {
	switch n := len(data); {
	case n <= math.MaxUint8:
		dst = append(dst, 0xc4, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xc5), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xc6), uint32(n))
	}
	return append(dst, data...)
}

// Heads of arrays and maps: for few elements, for up to 65,535, and for more.
type heads struct{ few, some, many byte }

func arrayHeads() heads { return heads{0x90, 0xdc, 0xdd} }
func mapHeads() heads   { return heads{0x80, 0xde, 0xdf} }

func (h heads) append(dst []byte, n int) []byte {
	switch {
	case n <= 0x0f:
		return append(dst, h.few|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, h.some), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, h.many), uint32(n))
}

// settle writes the head of n elements into the byte that was left for it at a position,
// making room when it takes more.
func (h heads) settle(dst []byte, at, n int) []byte {
	if n <= 0x0f {
		dst[at] = h.few | byte(n)
		return dst
	}
	var head [5]byte
	more := h.append(head[:0], n)
	end := len(dst)
	dst = append(dst, more[1:]...) // as long as what is moved in
	copy(dst[at+len(more):], dst[at+1:end])
	copy(dst[at:], more)
	return dst
}
