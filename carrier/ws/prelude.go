package ws

import (
	"bytes"
	"fmt"
	"slices"
)

// maxHead is how long the head of a server's answer to the handshake may be.
const maxHead = 16 << 10

// A prelude says what a feed reads: frames, or what comes before them at the client's
// end. There the library reads the server's answer through a buffer of its own, which
// must not get hold of the frames that may follow in the same packet.
type prelude int

const (
	framed   prelude = iota // frames
	headTo                  // the head of the server's answer is still coming
	headHere                // it is here whole, and 101: frames follow
	foreign                 // the server answered something else; pass it on as it is
)

// handshake reads while frames have not begun.
func (f *feed) handshake(p []byte) (int, error) {
	if f.prelude == headTo {
		if err := f.awaitHead(); err != nil {
			return 0, err
		}
	}
	if f.r == f.w && f.prelude == foreign {
		return f.Conn.Read(p)
	}
	here := f.buf[f.r:f.w]
	if f.prelude == headHere {
		here = here[:f.left]
	}
	n := copy(p, here)
	f.r += n
	if f.prelude == headHere {
		if f.left -= int64(n); f.left == 0 {
			f.prelude = framed
		}
	}
	return n, nil
}

// awaitHead reads until the head of the answer is whole, and finds out what it is.
func (f *feed) awaitHead() error {
	for {
		if n := headLen(f.buf[:f.w]); n > 0 {
			f.prelude, f.left = foreign, 0
			if bytes.HasPrefix(f.buf, []byte("HTTP/1.1 101")) {
				f.prelude, f.left = headHere, int64(n)
			}
			return nil
		}
		if f.w >= maxHead {
			return fmt.Errorf("the head of the server's answer is longer than %d bytes", maxHead)
		}
		f.buf = slices.Grow(f.buf[:f.w], minReadBuffer)
		f.buf = f.buf[:min(cap(f.buf), maxHead)]
		n, err := f.Conn.Read(f.buf[f.w:])
		if f.w += n; n == 0 && err != nil {
			return err
		}
	}
}

// headLen returns the length of a head of HTTP up to and with the empty line, or 0. Line
// breaks may lack their carriage return, as for net/http.
func headLen(b []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return 0
		}
		i += n + 1
		switch rest := b[i:]; {
		case bytes.HasPrefix(rest, []byte("\n")):
			return i + 1
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return i + 2
		}
	}
}
