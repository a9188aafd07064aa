// Package arena keeps payloads that came out of a read buffer.
package arena

import "github.com/sigrouter/sigrouter/sig"

// An Arena copies payloads out of a read buffer into memory that is never reused, many
// to an allocation. It is used by one goroutine. Who keeps one payload keeps at most
// Size bytes alive. The zero value is ready for use.
type Arena struct {
	buf  []byte
	raws []sig.Raw
}

const (
	Size  = 8 << 10 // bytes of an allocation
	most  = 32      // raws of an allocation
	least = 256     // an arena begins small: most peers send little
)

// Copy returns a copy of b that may be kept; nil for nothing.
func (a *Arena) Copy(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	if len(b) > cap(a.buf)-len(a.buf) {
		if len(b) > Size/4 {
			return append([]byte(nil), b...)
		}
		a.buf = make([]byte, 0, max(len(b), min(max(2*cap(a.buf), least), Size)))
	}
	n := len(a.buf)
	a.buf = append(a.buf, b...)
	return a.buf[n:len(a.buf):len(a.buf)]
}

// Raw wraps a payload, which must not change. An empty one is null.
func (a *Arena) Raw(codec sig.Codec, b []byte) any {
	if len(b) == 0 {
		return nil
	}
	if len(a.raws) == cap(a.raws) {
		a.raws = make([]sig.Raw, 0, min(max(2*cap(a.raws), 1), most))
	}
	a.raws = append(a.raws, sig.Raw{Codec: codec, Bytes: b})
	return &a.raws[len(a.raws)-1]
}
