package ws

import (
	"encoding/binary"
	"math/rand/v2"
)

// Opcodes of RFC 6455, section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPong         = 0xA
)

const (
	finBit  = 0x80
	maskBit = 0x80

	maxHeader  = 14  // bytes of the longest frame header
	maxControl = 125 // bytes of the longest payload of a control frame
)

// A header is the beginning of a frame as it was read.
type header struct {
	op     byte
	fin    bool
	length uint64 // of the payload
	size   int    // of the header itself
}

// control reports whether the frame is a close, ping or pong.
func (h header) control() bool { return h.op >= opClose }

// parseHeader reads a frame header from the front of b. It reports false when b is too
// short. What it finds need not make sense: that is for the caller to judge.
func parseHeader(b []byte) (header, bool) {
	if len(b) < 2 {
		return header{}, false
	}
	h := header{op: b[0] & 0xF, fin: b[0]&finBit != 0, length: uint64(b[1] &^ maskBit), size: 2}
	switch h.length {
	case 126:
		h.size += 2
	case 127:
		h.size += 8
	}
	lengthEnd := h.size
	if b[1]&maskBit != 0 {
		h.size += 4
	}
	if len(b) < h.size {
		return header{}, false
	}
	switch h.length {
	case 126:
		h.length = uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		h.length = binary.BigEndian.Uint64(b[lengthEnd-8:])
	}
	return h, true
}

// appendFrame appends a whole frame whose payload is head and body joined. Clients mask
// theirs.
func appendFrame(dst []byte, op byte, client bool, head, body []byte) []byte {
	n := len(head) + len(body)
	mask := byte(0)
	if client {
		mask = maskBit
	}
	switch {
	case n <= maxControl:
		dst = append(dst, finBit|op, mask|byte(n))
	case n < 1<<16:
		dst = append(dst, finBit|op, mask|126, byte(n>>8), byte(n))
	default:
		dst = append(dst, finBit|op, mask|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	if !client {
		return append(append(dst, head...), body...)
	}
	// The key has to be one that nobody who writes payloads can guess (RFC 6455, section
	// 10.3). The generator behind rand is ChaCha8, seeded by the operating system, and
	// may be used by many goroutines at once.
	key := rand.Uint32()
	dst = binary.LittleEndian.AppendUint32(dst, key)
	start := len(dst)
	dst = append(append(dst, head...), body...)
	xor(key, dst[start:])
	return dst
}

// xor masks b, or unmasks it. The first byte is combined with the lowest byte of key.
func xor(key uint32, b []byte) {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 32 {
		w := b[:32:32]
		binary.LittleEndian.PutUint64(w, binary.LittleEndian.Uint64(w)^wide)
		binary.LittleEndian.PutUint64(w[8:], binary.LittleEndian.Uint64(w[8:])^wide)
		binary.LittleEndian.PutUint64(w[16:], binary.LittleEndian.Uint64(w[16:])^wide)
		binary.LittleEndian.PutUint64(w[24:], binary.LittleEndian.Uint64(w[24:])^wide)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(key >> (8 * (i & 3)))
	}
}
