// Package arena keeps payloads that came out of a read buffer.
package arena

import "github.com/sigrouter/sigrouter/sig"

// An Arena copies payloads out of a read buffer into memory that is never reused, many
// to an allocation. It is used by one goroutine. Who keeps one payload keeps at most
// Size bytes alive. The zero value is ready for use, and small: most peers send nothing.
type Arena struct{ page *page }

type page struct {
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
	p := a.page
	if p == nil || len(b) > cap(p.buf)-len(p.buf) {
		return a.copyElsewhere(b)
	}
	if len(b) == 0 {
		return nil
	}
	n := len(p.buf)
	p.buf = append(p.buf, b...)
	return p.buf[n:len(p.buf):len(p.buf)]
}

// copyElsewhere is Copy of what the page has no room for.
func (a *Arena) copyElsewhere(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	if len(b) > Size/4 {
		return append([]byte(nil), b...)
	}
	p := a.open()
	p.buf = make([]byte, 0, max(len(b), min(max(2*cap(p.buf), least), Size)))
	return a.Copy(b)
}

func (a *Arena) open() *page {
	if a.page == nil {
		a.page = new(page)
	}
	return a.page
}

// Raw wraps a payload, which must not change. An empty one is null.
func (a *Arena) Raw(codec sig.Codec, b []byte) any {
	if len(b) == 0 {
		return nil
	}
	p := a.open()
	if len(p.raws) == cap(p.raws) {
		p.raws = make([]sig.Raw, 0, min(max(2*cap(p.raws), 1), most))
	}
	p.raws = append(p.raws, sig.Raw{Codec: codec, Bytes: b})
	return &p.raws[len(p.raws)-1]
}
