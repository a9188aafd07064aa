package wire

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks the bytes of w that end a run of plain string text: the quote, the
// backslash, control characters, and everything beyond ASCII. Only the lowest mark is
// exact, since the subtractions borrow from the byte above.
func special(w uint64) uint64 {
	quote := w ^ '"'*ones
	slash := w ^ '\\'*ones
	return ((w - ' '*ones) | (quote - ones) | (slash - ones) | w) & highs
}

// plain returns the position of the first special byte from i on.
func plain(b []byte, i int) int {
	for i+8 <= len(b) {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(b) && b[i] >= ' ' && b[i] < utf8.RuneSelf && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// str returns the position after the closing quote of a string; i is anywhere inside
// it, between two characters.
func (s *scanner) str(i int) int {
	for {
		i = plain(s.b, i)
		if i >= len(s.b) {
			return s.short()
		}
		switch c := s.b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			i = s.escape(i)
		case c < ' ':
			return s.fail(faultControl, i)
		default:
			i = s.beyondASCII(i)
		}
		if i < 0 {
			return i
		}
	}
}

// beyondASCII passes over a run of characters of more than one byte.
func (s *scanner) beyondASCII(i int) int {
	for i < len(s.b) && s.b[i] >= utf8.RuneSelf {
		_, n := utf8.DecodeRune(s.b[i:])
		if n == 1 {
			if !utf8.FullRune(s.b[i:]) {
				return s.short()
			}
			return s.fail(faultUTF8, i)
		}
		i += n
	}
	return i
}

// escape passes over the escape, or the pair of them, whose backslash is at i.
func (s *scanner) escape(i int) int {
	s.esc = true
	if i+1 >= len(s.b) {
		return s.short()
	}
	switch s.b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
	default:
		return s.fail(faultEscape, i)
	}
	r, ok := s.hex4(i + 2)
	if !ok {
		return s.fail(s.bad, i)
	}
	i += 6
	switch {
	case r < 0xD800 || r > 0xDFFF:
		return i
	case r > 0xDBFF: // a second half without a first
		s.lone = true
		return i
	case i >= len(s.b):
		return s.short()
	case s.b[i] != '\\':
		s.lone = true
		return i
	case i+1 >= len(s.b):
		return s.short()
	case s.b[i+1] != 'u':
		s.lone = true
		return i
	}
	r, ok = s.hex4(i + 2)
	if !ok {
		return s.fail(s.bad, i)
	}
	if r < 0xDC00 || r > 0xDFFF {
		s.lone = true
		return i // the second escape is looked at by itself
	}
	return i + 6
}

// hex4 reads four hexadecimal digits. When there are none, bad says why.
func (s *scanner) hex4(i int) (r rune, ok bool) {
	for end := i + 4; i < end; i++ {
		if i >= len(s.b) {
			s.bad = faultShort
			return 0, false
		}
		d := hexValue(s.b[i])
		if d < 0 {
			s.bad = faultEscape
			return 0, false
		}
		r = r<<4 | d
	}
	return r, true
}

func hexValue(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c && c <= 'f':
		return rune(c - 'a' + 10)
	case 'A' <= c && c <= 'F':
		return rune(c - 'A' + 10)
	}
	return -1
}
