package wire

import (
	"encoding/binary"
	"math/bits"
)

// A Splitter finds the end of a message that arrives in pieces, without looking at
// any byte twice. It checks no more than it must see for that; what it cuts off is
// for Parse to judge. The zero value is ready for a first message.
type Splitter struct {
	start  int // of the message, behind the white space before it
	pos    int // bytes looked at
	depth  int // open brackets
	kinds  uint64
	begun  bool // the message's first byte was seen
	inside bool // of a string
	slash  bool // the last byte seen was a backslash inside a string
	stack  [maxDepth / 64]uint64
}

// Reset makes the splitter ready for the next message.
func (s *Splitter) Reset() {
	s.start, s.pos, s.depth = 0, 0, 0
	s.begun, s.inside, s.slash = false, false, false
}

// Scan looks at the bytes of buf that are new since the last call. Buf begins where
// the message does, white space before it included, and only grows between calls.
// When end is above 0 the message is buf[:end]; Reset has to be called before the
// next one. When it is 0, more is needed. An error, always an *Error, says that no
// message can come of it: it begins wrong, a byte stands where none like it can,
// brackets do not match or are open more than 1,024 deep, or it is longer than max
// bytes without the white space before it. A max below 1 means 1 MiB.
func (s *Splitter) Scan(buf []byte, max int) (end int, err error) {
	max = positive(max, 1<<20)
	if !s.begun {
		if s.pos = skipSpace(buf, s.pos); s.pos == len(buf) {
			return 0, nil
		}
		s.begun, s.start = true, s.pos
	}
	switch c := buf[s.start]; {
	case c == '{':
		if end, err = s.text(buf); err != nil {
			return 0, err
		}
	case c >= binFirst && c <= binLast:
		end = s.binary(buf, max)
	default:
		return 0, notMessage(buf[s.start:])
	}
	if end-s.start > max || end == 0 && len(buf)-s.start > max {
		return 0, overLimit("MaxMessage", "message longer than %d bytes", max)
	}
	if end > len(buf) {
		return 0, nil
	}
	return end, nil
}

// binary returns where a binary frame ends, 0 if that is not known yet.
func (s *Splitter) binary(buf []byte, max int) int {
	b := buf[s.start:]
	if len(b) < binHead {
		return 0
	}
	size := binary.BigEndian.Uint32(b[1:])
	if uint64(size) > uint64(max) {
		return s.start + max + 1
	}
	return s.start + binHead + int(size)
}

// A class is what a byte of JSON outside of strings is to the Splitter.
type class uint8

const (
	classNone  class = iota // cannot stand there
	classOther              // white space, separators, parts of numbers and literals
	classQuote
	classOpen
	classClose
)

// classes is only read.
var classes = [256]class{
	' ': classOther, '\t': classOther, '\n': classOther, '\r': classOther,
	',': classOther, ':': classOther, '+': classOther, '-': classOther, '.': classOther,
	'0': classOther, '1': classOther, '2': classOther, '3': classOther, '4': classOther,
	'5': classOther, '6': classOther, '7': classOther, '8': classOther, '9': classOther,
	't': classOther, 'r': classOther, 'u': classOther, 'e': classOther, 'f': classOther,
	'a': classOther, 'l': classOther, 's': classOther, 'n': classOther, 'E': classOther,
	'"': classQuote, '{': classOpen, '[': classOpen, '}': classClose, ']': classClose,
}

// text looks at the new bytes of a JSON object and returns its end, 0 if that has not
// come yet.
func (s *Splitter) text(b []byte) (end int, err error) {
	i := s.pos
	if s.slash && i < len(b) {
		s.slash = false
		i++
	}
	if s.inside {
		goto inside
	}

outside:
	for i < len(b) {
		c := classes[b[i]]
		for c == classOther {
			if i++; i == len(b) {
				goto out
			}
			c = classes[b[i]]
		}
		switch c {
		case classQuote:
			i++
			goto inside
		case classOpen:
			if s.depth == maxDepth {
				return 0, overLimit("MaxDepth", "nested deeper than %d levels", maxDepth)
			}
			s.push(uint64(b[i]>>5) & 1)
			i++
		case classClose:
			if b[i] != closing(s.kinds&1) {
				return 0, malformed("not JSON: byte %d is %s, expected %q", i-s.start, describe(b[i:]), closing(s.kinds&1))
			}
			i++
			if s.pop(); s.depth == 0 {
				s.pos = i
				return i, nil
			}
		default:
			return 0, s.notOutside(b, i)
		}
	}
out:
	s.pos, s.inside = i, false
	return 0, nil

inside:
	for i < len(b) {
		if len(b)-i >= 8 {
			m := special(binary.LittleEndian.Uint64(b[i:]))
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		}
		switch c := b[i]; {
		case c == '"':
			i++
			goto outside
		case c < ' ':
			return 0, control(c, i-s.start)
		case c != '\\': // plain, or beyond ASCII
			i++
		case i+1 < len(b):
			i += 2
		default:
			s.slash = true
			i++
		}
	}
	s.pos, s.inside = i, true
	return 0, nil
}

func (s *Splitter) push(object uint64) {
	if s.depth&63 == 0 && s.depth != 0 {
		s.stack[s.depth>>6] = s.kinds
	}
	s.kinds = s.kinds<<1 | object
	s.depth++
}

func (s *Splitter) pop() {
	s.depth--
	if s.depth&63 == 0 && s.depth != 0 {
		s.kinds = s.stack[s.depth>>6]
	} else {
		s.kinds >>= 1
	}
}

// notOutside returns the error for a byte that cannot stand outside of strings.
func (s *Splitter) notOutside(b []byte, i int) error {
	switch b[i] {
	case 'N', 'I':
		return notNumber(b[i], i-s.start)
	}
	return malformed("not JSON: byte %d is %s", i-s.start, describe(b[i:]))
}
