package wire

import (
	"encoding/binary"

	"github.com/sigrouter/sigrouter/sig"
)

// appendHead appends the kind and the length of a binary frame.
func appendHead(dst []byte, kind byte, size int) []byte {
	return binary.BigEndian.AppendUint32(append(dst, kind), uint32(size))
}

func appendUint64(dst []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(dst, n) }

// appendName appends a name with its length byte. Names are at most sig.MaxName
// bytes; what is longer is cut, so that the frame stays sound.
func appendName(dst []byte, name string) []byte {
	name = name[:min(len(name), sig.MaxName)]
	return append(append(dst, byte(len(name))), name...)
}

func nameSize(name string) int { return 1 + min(len(name), sig.MaxName) }

// AppendBinaryInfo appends sender and event as signals in binary frames have them.
func AppendBinaryInfo(dst []byte, sender, event string) []byte {
	return appendName(appendName(dst, sender), event)
}

// AppendBinaryListeners appends listener ids with their count, ready for
// AppendBinarySignalDown. There are at most 65,535; what is more is left out.
func AppendBinaryListeners(dst []byte, ids []uint32) []byte {
	ids = ids[:min(len(ids), 1<<16-1)]
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(ids)))
	for _, id := range ids {
		dst = binary.BigEndian.AppendUint32(dst, id)
	}
	return dst
}

// AppendBinarySignalUp appends a signal to a server. Info is what AppendBinaryInfo
// wrote; empty data are null.
func AppendBinarySignalUp(dst []byte, n uint64, info, data []byte) []byte {
	dst = appendUint64(appendHead(dst, binSignalUp, 8+len(info)+len(data)), n)
	return append(append(dst, info...), data...)
}

// AppendBinarySignalDown appends a signal to a client. Flags is 0 or FlagRetained, ids
// what AppendBinaryListeners wrote.
func AppendBinarySignalDown(dst []byte, n uint64, flags byte, ids, info, data []byte) []byte {
	dst = AppendBinarySignalDownHead(dst, n, flags, ids, len(info)+len(data))
	return append(append(dst, info...), data...)
}

// AppendBinarySignalDownHead appends the part of a signal that differs from peer to
// peer. The part they can share, info and data, has to follow; body is its length.
func AppendBinarySignalDownHead(dst []byte, n uint64, flags byte, ids []byte, body int) []byte {
	dst = appendUint64(appendHead(dst, binSignalDown, 8+1+len(ids)+body), n)
	return append(append(dst, flags), ids...)
}

// AppendBinaryRequest appends a call of the method "request", whose cause must be one that
// Cause.Binary accepts.
func AppendBinaryRequest(dst []byte, id uint64, sender, method string, cause Cause, params []byte) []byte {
	size := 8 + nameSize(sender) + nameSize(method) + len(params)
	if cause.None() {
		dst = appendUint64(appendHead(dst, binCall, size), id)
	} else {
		dst = appendUint64(appendHead(dst, binCausedCall, size+4+1+len(cause.Traceparent)), id)
		dst = binary.BigEndian.AppendUint32(dst, cause.Hops)
		dst = append(append(dst, byte(len(cause.Traceparent))), cause.Traceparent...)
	}
	return append(appendName(appendName(dst, sender), method), params...)
}

// AppendBinaryReply appends a reply that says done.
func AppendBinaryReply(dst []byte, id uint64, response []byte) []byte {
	return append(appendUint64(appendHead(dst, binReply, 8+len(response)), id), response...)
}

// AppendBinaryFailure appends a failed reply.
func AppendBinaryFailure(dst []byte, id uint64, e *sig.Error) []byte {
	from := len(dst)
	dst = appendUint64(appendHead(dst, binFailure, 0), id)
	dst = appendWhy(appendStatus(append(dst, `{"status":`...), e), e)
	binary.BigEndian.PutUint32(dst[from+1:], uint32(len(dst)-from-binHead))
	return dst
}
