package wire

import (
	"encoding/binary"
	"math/bits"
)

// value checks the value that begins at i, white space before it included, and
// returns the position after it. It is one function with jumps, and looks at the first
// eight bytes of a string by itself, because most of the time that a message takes
// is spent here.
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
	for k := range len(word) {
		if i+k >= len(s.b) || s.b[i+k] != word[k] {
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
