package wire

import (
	"unicode/utf16"
	"unicode/utf8"
)

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// skipSpace returns the position of the first byte from i on that is not white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// resolve returns a member's name without escapes. Names too long to be known come
// back cut short.
func (s *scanner) resolve(name []byte) []byte {
	const longest = 6 * len("skip_retained") // every character an escape
	if len(name) > longest {
		return nil
	}
	text, _ := unescape(s.nameBuf[:0], name)
	return text
}

// unescape appends the characters of raw, the inside of a sound JSON string. Halves
// of surrogate pairs become U+FFFD and are reported.
func unescape(dst, raw []byte) (out []byte, lone bool) {
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			dst = append(dst, raw[i])
			i++
			continue
		}
		c := raw[i+1]
		i += 2
		switch c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := unit(raw, i)
			i += 4
			if utf16.IsSurrogate(r) {
				second := rune(-1)
				if i+6 <= len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
					second = unit(raw, i+2)
				}
				if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
					lone = true
				} else {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default: // quote, backslash, slash
			dst = append(dst, c)
		}
	}
	return dst, lone
}

// unit reads the four hexadecimal digits at i.
func unit(raw []byte, i int) (r rune) {
	for _, c := range raw[i : i+4] {
		r = r<<4 | hexValue(c)
	}
	return r
}
