package msgpack

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// fromJSON reads JSON and writes MessagePack. The JSON is sound, or so it is said; what is
// not ends in an error, not in a panic.
type fromJSON struct {
	b   []byte
	i   int
	out []byte
	err error
}

func (f *fromJSON) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

// space passes over white space, and returns where it ends.
func (f *fromJSON) space() int {
	for f.i < len(f.b) {
		switch f.b[f.i] {
		case ' ', '\t', '\n', '\r':
			f.i++
		default:
			return f.i
		}
	}
	return f.i
}

func (f *fromJSON) value(left int) {
	if f.space() >= len(f.b) {
		f.fail("the JSON ends too early")
		return
	}
	switch c := f.b[f.i]; c {
	case '{':
		f.object(left)
	case '[':
		f.array(left)
	case '"':
		f.string()
	case 't':
		f.word("true", 0xc3)
	case 'f':
		f.word("false", 0xc2)
	case 'n':
		f.word("null", 0xc0)
	default:
		f.number()
	}
}

func (f *fromJSON) word(word string, code byte) {
	if len(f.b)-f.i < len(word) || string(f.b[f.i:f.i+len(word)]) != word {
		f.fail("byte %d of the JSON begins no value", f.i)
		return
	}
	f.i += len(word)
	f.out = append(f.out, code)
}

// elements reads what stands between brackets, element by element, and returns where the
// head is to be put and how many there are.
func (f *fromJSON) elements(left int, closing byte, element func()) (at, n int) {
	if left <= 0 {
		f.fail("nested deeper than %d levels", maxNesting)
		return 0, 0
	}
	at = len(f.out)
	f.out = append(f.out, 0)
	f.i++
	if f.space() < len(f.b) && f.b[f.i] == closing {
		f.i++
		return at, 0
	}
	for f.err == nil {
		element()
		n++
		if f.err != nil {
			break
		}
		if f.space() >= len(f.b) {
			f.fail("the JSON ends too early")
			break
		}
		c := f.b[f.i]
		f.i++
		if c == closing {
			break
		}
		if c != ',' {
			f.fail("byte %d of the JSON cannot stand there", f.i-1)
		}
	}
	return at, n
}

func (f *fromJSON) array(left int) {
	at, n := f.elements(left, ']', func() { f.value(left - 1) })
	if f.err == nil {
		f.out = arrayHeads().settle(f.out, at, n)
	}
}

func (f *fromJSON) object(left int) {
	at, n := f.elements(left, '}', func() {
		if f.space() >= len(f.b) || f.b[f.i] != '"' {
			f.fail("byte %d of the JSON begins no name", f.i)
			return
		}
		f.string()
		if f.err != nil {
			return
		}
		if f.space() >= len(f.b) || f.b[f.i] != ':' {
			f.fail("byte %d of the JSON is no colon", f.i)
			return
		}
		f.i++
		f.value(left - 1)
	})
	if f.err == nil {
		f.out = mapHeads().settle(f.out, at, n)
	}
}

func (f *fromJSON) number() {
	from := f.i
	whole := true
	for ; f.i < len(f.b); f.i++ {
		c := f.b[f.i]
		if c == '.' || c == 'e' || c == 'E' {
			whole = false
		} else if c != '-' && c != '+' && (c < '0' || c > '9') {
			break
		}
	}
	text := f.b[from:f.i]
	if whole {
		f.integer(text)
		return
	}
	x, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		f.fail("the number %.32q is none that a float64 holds", text)
		return
	}
	f.out = appendFloat64(f.out, x)
}

// integer appends a number without a fraction or an exponent.
func (f *fromJSON) integer(text []byte) {
	if len(text) > 0 && len(text) < 19 && text[0] != '-' { // never too large
		n := uint64(0)
		for _, c := range text {
			if c < '0' || c > '9' {
				f.fail("byte %d of the JSON begins no number", f.i-len(text))
				return
			}
			n = 10*n + uint64(c-'0')
		}
		f.out = appendUint(f.out, n)
		return
	}
	if string(text) == "-0" {
		f.out = appendFloat64(f.out, math.Copysign(0, -1))
		return
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		f.out = appendInt(f.out, n)
	} else if n, err := strconv.ParseUint(string(text), 10, 64); err == nil {
		f.out = appendUint(f.out, n)
	} else if x, err := strconv.ParseFloat(string(text), 64); err == nil && strconv.FormatFloat(x, 'f', -1, 64) == string(text) {
		f.out = appendFloat64(f.out, x)
	} else {
		f.fail("the number %.32q has more than 64 bits", text)
	}
}

// string reads the string that begins at i.
func (f *fromJSON) string() {
	f.i++
	from := f.i
	for f.i < len(f.b) && f.b[f.i] != '"' && f.b[f.i] != '\\' {
		f.i++
	}
	if f.i >= len(f.b) {
		f.fail("the JSON ends inside a string")
		return
	}
	if f.b[f.i] == '"' {
		text := f.b[from:f.i]
		f.i++
		f.out = append(appendStringHead(f.out, len(text)), text...)
		f.checkUTF8(text)
		return
	}
	f.escaped(from)
}

func (f *fromJSON) checkUTF8(text []byte) {
	if !utf8.Valid(text) {
		f.fail("a string of the JSON is not UTF-8")
	}
}

// escaped reads a string that has escapes: the first is at i.
func (f *fromJSON) escaped(from int) {
	text := append(make([]byte, 0, f.i-from+32), f.b[from:f.i]...)
	for f.i < len(f.b) && f.err == nil {
		c := f.b[f.i]
		f.i++
		switch c {
		case '"':
			f.checkUTF8(text)
			f.out = append(appendStringHead(f.out, len(text)), text...)
			return
		case '\\':
			text = f.escape(text)
		default:
			text = append(text, c)
		}
	}
	f.fail("the JSON ends inside a string")
}

// escape reads what follows a backslash.
func (f *fromJSON) escape(text []byte) []byte {
	if f.i >= len(f.b) {
		f.fail("the JSON ends inside a string")
		return text
	}
	c := f.b[f.i]
	f.i++
	switch c {
	case '"', '\\', '/':
		return append(text, c)
	case 'b':
		return append(text, '\b')
	case 'f':
		return append(text, '\f')
	case 'n':
		return append(text, '\n')
	case 'r':
		return append(text, '\r')
	case 't':
		return append(text, '\t')
	case 'u':
		r := f.unit()
		if utf16.IsSurrogate(r) {
			second := rune(-1)
			if f.i+1 < len(f.b) && f.b[f.i] == '\\' && f.b[f.i+1] == 'u' {
				f.i += 2
				second = f.unit()
			}
			if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
				f.fail("half of a surrogate pair, which is no character")
			}
		}
		return utf8.AppendRune(text, r)
	}
	f.fail("byte %d of the JSON begins no escape", f.i-2)
	return text
}

// unit reads four hexadecimal digits.
func (f *fromJSON) unit() rune {
	if len(f.b)-f.i < 4 {
		f.fail("the JSON ends inside an escape")
		return 0
	}
	n, err := strconv.ParseUint(string(f.b[f.i:f.i+4]), 16, 32)
	if err != nil {
		f.fail("byte %d of the JSON is no hexadecimal digit", f.i)
	}
	f.i += 4
	return rune(n)
}
