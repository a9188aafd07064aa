package wire

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// maxDepth is the deepest nesting the scanner can be told to accept.
const maxDepth = 1024

// A scanner walks over JSON text and checks it. Positions are indices of b; a
// negative position means that the scanner stopped, and why is in bad.
type scanner struct {
	b     []byte
	depth int // how deep a value may nest

	// What was met on the way. Who wants to know of one value resets it before.
	values int  // scalars and containers
	breaks bool // a line break between the tokens of a value
	lone   bool // a \u escape of half a surrogate pair
	esc    bool // a backslash in a string

	bad  fault
	at   int    // where, unless bad is short
	want string // what should have been there, when bad is faultChar

	stack   [maxDepth / 64]uint64 // kinds of containers beyond the 64 innermost
	nameBuf [96]byte
}

// begin makes the scanner ready for a message.
func (s *scanner) begin(b []byte, lim *Limits) {
	s.b, s.depth, s.values, s.lone, s.bad = b, lim.depth(), 0, false, 0
}

// A fault says why the scanner stopped.
type fault uint8

const (
	faultShort   fault = iota + 1 // the text ends too early
	faultChar                     // a byte that cannot stand there
	faultControl                  // a raw control character in a string
	faultUTF8
	faultEscape
	faultNaN
	faultInfinity
	faultDepth
)

func (s *scanner) short() int {
	s.bad = faultShort
	return -1
}

func (s *scanner) fail(f fault, at int) int {
	s.bad, s.at = f, at
	return -1
}

func (s *scanner) unexpected(at int, want string) int {
	if at >= len(s.b) {
		return s.short()
	}
	s.bad, s.at, s.want = faultChar, at, want
	return -1
}

// space returns the position of the first byte from i on that is not white space.
func (s *scanner) space(i int) int {
	for ; i < len(s.b); i++ {
		switch s.b[i] {
		case ' ', '\t':
		case '\n', '\r':
			s.breaks = true
		default:
			return i
		}
	}
	return i
}

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

// number returns the position after the number that begins at i, which may be the
// end of the text.
func (s *scanner) number(i int) int {
	b := s.b
	if b[i] == '-' {
		i++
		if i < len(b) && b[i] == 'I' {
			return s.fail(faultInfinity, i-1)
		}
	}
	switch {
	case i >= len(b):
		return s.short()
	case b[i] == '0':
		i++
	default:
		if i = s.digits(i); i < 0 {
			return i
		}
	}
	return s.fraction(i)
}

// fraction passes over what may follow the whole part of a number.
func (s *scanner) fraction(i int) int {
	b := s.b
	if i < len(b) && b[i] == '.' {
		if i = s.digits(i + 1); i < 0 {
			return i
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return s.digits(i)
	}
	return i
}

// digits passes over one digit or more.
func (s *scanner) digits(i int) int {
	from := i
	for i < len(s.b) && s.b[i]-'0' <= 9 {
		i++
	}
	if i == from {
		return s.unexpected(i, "a digit")
	}
	return i
}

// literal passes over true, false or null.
func (s *scanner) literal(i int, word string) int {
	rest := s.b[i:]
	if len(rest) >= len(word) && string(rest[:len(word)]) == word {
		return i + len(word)
	}
	for k := range word {
		if k >= len(rest) {
			return s.short()
		}
		if rest[k] != word[k] {
			return s.unexpected(i+k, word)
		}
	}
	return i + len(word)
}

// notValue reports a byte that begins no value. Python writes NaN and Infinity, so
// these are told apart.
func (s *scanner) notValue(i int) int {
	switch s.b[i] {
	case 'N':
		return s.fail(faultNaN, i)
	case 'I':
		return s.fail(faultInfinity, i)
	}
	return s.unexpected(i, "a value")
}

// value checks the value that begins at i, white space before it included, and
// returns the position after it.
func (s *scanner) value(i int) int {
	b := s.b
	depth, values := 0, 0
	kinds := uint64(0) // of the containers around us, innermost lowest; 1 is an object

value:
	values++
	if i < len(b) && b[i] <= ' ' {
		i = s.space(i)
	}
	if i >= len(b) {
		return s.short()
	}
	switch b[i] {
	case '"':
		i++
		if len(b)-i >= 8 { // many strings end here
			if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				if b[i] == '"' {
					i++
					goto after
				}
			} else {
				i += 8
			}
		}
		i = s.str(i)
	case '{', '[':
		object := uint64(b[i]>>5) & 1 // '[' is 0x5B, '{' is 0x7B
		if depth >= s.depth {
			return s.fail(faultDepth, i)
		}
		if depth&63 == 0 && depth != 0 {
			s.stack[depth>>6] = kinds
		}
		kinds = kinds<<1 | object
		depth++
		i++
		if i < len(b) && b[i] <= ' ' {
			i = s.space(i)
		}
		if i >= len(b) {
			return s.short()
		}
		if b[i] == closing(object) {
			goto pop
		}
		if object != 0 {
			goto name
		}
		goto value
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		for i++; i < len(b) && b[i]-'0' <= 9; {
			i++
		}
		if i < len(b) && (b[i] == '.' || b[i]|0x20 == 'e') {
			i = s.fraction(i)
		}
	case '-', '0':
		i = s.number(i)
	case 't':
		if len(b)-i >= 4 && string(b[i:i+4]) == "true" {
			i += 4
			goto after
		}
		i = s.literal(i, "true")
	case 'f':
		i = s.literal(i, "false")
	case 'n':
		i = s.literal(i, "null")
	default:
		return s.notValue(i)
	}
	if i < 0 {
		return i
	}

after:
	if depth == 0 {
		s.values += values
		return i
	}
	if i < len(b) && b[i] <= ' ' {
		i = s.space(i)
	}
	if i >= len(b) {
		return s.short()
	}
	switch {
	case b[i] == ',':
		i++
		if kinds&1 != 0 {
			goto name
		}
		goto value
	case b[i] != closing(kinds&1):
		if kinds&1 != 0 {
			return s.unexpected(i, "',' or '}'")
		}
		return s.unexpected(i, "',' or ']'")
	}

pop:
	i++
	depth--
	if depth&63 == 0 && depth != 0 {
		kinds = s.stack[depth>>6]
	} else {
		kinds >>= 1
	}
	goto after

name:
	if i < len(b) && b[i] <= ' ' {
		i = s.space(i)
	}
	if i >= len(b) || b[i] != '"' {
		return s.unexpected(i, "a member's name in quotes")
	}
	i++
	if len(b)-i >= 8 {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			i += bits.TrailingZeros64(m) >> 3
			if b[i] == '"' {
				i++
				goto colon
			}
		} else {
			i += 8
		}
	}
	if i = s.str(i); i < 0 {
		return i
	}

colon:
	if i < len(b) && b[i] <= ' ' {
		i = s.space(i)
	}
	if i >= len(b) || b[i] != ':' {
		return s.unexpected(i, "':'")
	}
	i++
	goto value
}

// closing returns the bracket that closes an object (1) or an array (0).
func closing(object uint64) byte { return ']' | byte(object<<5) }

// opaque is value for what is passed on as it is: what it holds counts for nothing.
// It reports whether the value has line breaks between its tokens.
func (s *scanner) opaque(i int) (end int, breaks bool) {
	values, lone := s.values, s.lone
	s.breaks = false
	end = s.value(i)
	breaks = s.breaks
	s.values, s.lone = values, lone
	return end, breaks
}

// name reads a member's name, the colon and the white space after it. The name is
// b[from:to], escapes untouched; whether it has some is in esc. The value begins at
// next.
func (s *scanner) name(i int) (from, to, next int) {
	b := s.b
	if i < len(b) && b[i] <= ' ' {
		i = s.space(i)
	}
	if i >= len(b) || b[i] != '"' {
		return 0, 0, s.unexpected(i, "a member's name in quotes")
	}
	from = i + 1
	s.esc = false
	if i = s.str(from); i < 0 {
		return 0, 0, i
	}
	to = i - 1
	if i < len(b) && b[i] <= ' ' {
		i = s.space(i)
	}
	if i >= len(b) || b[i] != ':' {
		return 0, 0, s.unexpected(i, "':'")
	}
	if i++; i < len(b) && b[i] <= ' ' {
		i = s.space(i)
	}
	if i >= len(b) {
		return 0, 0, s.short()
	}
	return from, to, i
}

// open returns the position of the first member's name of the object whose brace is
// at i, or done and the position after the object when it is empty.
func (s *scanner) open(i int) (next int, done bool) {
	i = s.space(i + 1)
	if i >= len(s.b) {
		return s.short(), true
	}
	if s.b[i] == '}' {
		return i + 1, true
	}
	return i, false
}

// more is called after a member's value and returns the position of the next
// member's name, or done and the position after the object.
func (s *scanner) more(i int) (next int, done bool) {
	if i < len(s.b) && s.b[i] <= ' ' {
		i = s.space(i)
	}
	switch {
	case i >= len(s.b):
		return s.short(), true
	case s.b[i] == ',':
		return i + 1, false
	case s.b[i] == '}':
		return i + 1, true
	}
	return s.unexpected(i, "',' or '}'"), true
}
