package router

import "github.com/sigrouter/sigrouter/sig"

// An arena copies payloads out of a read buffer into memory that is never reused, many
// to an allocation. It is used by one goroutine. Who keeps one payload keeps at most
// arenaSize bytes alive.
type arena struct {
	buf  []byte
	raws []sig.Raw
}

const (
	arenaSize = 8 << 10
	arenaRaws = 32
	arenaMin  = 256 // an arena begins small: most peers send little
)

// copy returns a copy of b that may be kept; nil for nothing.
func (a *arena) copy(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	if len(b) > cap(a.buf)-len(a.buf) {
		if len(b) > arenaSize/4 {
			return append([]byte(nil), b...)
		}
		a.buf = make([]byte, 0, max(len(b), min(max(2*cap(a.buf), arenaMin), arenaSize)))
	}
	n := len(a.buf)
	a.buf = append(a.buf, b...)
	return a.buf[n:len(a.buf):len(a.buf)]
}

// raw wraps a payload, which must not change. An empty one is null.
func (a *arena) raw(codec sig.Codec, b []byte) any {
	if len(b) == 0 {
		return nil
	}
	if len(a.raws) == cap(a.raws) {
		a.raws = make([]sig.Raw, 0, min(max(2*cap(a.raws), 1), arenaRaws))
	}
	a.raws = append(a.raws, sig.Raw{Codec: codec, Bytes: b})
	return &a.raws[len(a.raws)-1]
}
