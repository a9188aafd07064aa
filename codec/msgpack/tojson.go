package msgpack

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// toJSON writes what it reads as JSON.
type toJSON struct {
	reader
	out []byte
}

func (t *toJSON) value(left int) bool {
	switch t.next() {
	case kindNil:
		t.out = append(t.out, "null"...)
	case kindTrue:
		t.out = append(t.out, "true"...)
	case kindFalse:
		t.out = append(t.out, "false"...)
	case kindUint:
		t.out = strconv.AppendUint(t.out, t.num, 10)
	case kindInt:
		t.out = strconv.AppendInt(t.out, int64(t.num), 10)
	case kindFloat32:
		return t.number(32)
	case kindFloat64:
		return t.number(64)
	case kindString:
		if !utf8.Valid(t.text) {
			t.fail(faultUTF8)
			return false
		}
		t.out = appendQuoted(t.out, t.text)
	case kindBinary:
		t.out = base64.StdEncoding.AppendEncode(append(t.out, '"'), t.text)
		t.out = append(t.out, '"')
	case kindTime:
		at, ok := t.time()
		if !ok {
			return false
		}
		t.out = append(at.AppendFormat(append(t.out, '"'), time.RFC3339Nano), '"')
	case kindArray:
		return t.array(left)
	case kindMap:
		return t.object(left)
	default:
		t.beginning()
		return false
	}
	return true
}

// beginning writes what there is of a text whose end is missing.
func (t *toJSON) beginning() {
	switch t.cut {
	case kindString:
		t.out = appendQuoted(t.out, t.text)
	case kindBinary:
		t.out = base64.StdEncoding.AppendEncode(append(t.out, '"'), t.text[:len(t.text)/3*3])
		return
	default:
		return
	}
	t.out = t.out[:len(t.out)-1] // the quote that ends it
}

func (t *toJSON) number(bits int) bool {
	if !t.finite() {
		return false
	}
	t.out = appendFloat(t.out, t.float, bits)
	return true
}

func (t *toJSON) array(left int) bool {
	n := t.n
	if !t.enter(left) {
		return false
	}
	t.out = append(t.out, '[')
	for i := range n {
		if i > 0 {
			t.out = append(t.out, ',')
		}
		if !t.value(left - 1) {
			return false
		}
	}
	t.out = append(t.out, ']')
	return true
}

func (t *toJSON) object(left int) bool {
	n := t.n
	if !t.enter(left) {
		return false
	}
	t.out = append(t.out, '{')
	for i := range n {
		if i > 0 {
			t.out = append(t.out, ',')
		}
		switch t.key() {
		case kindString:
			t.out = appendQuoted(t.out, t.text)
		case kindUint:
			t.out = append(strconv.AppendUint(append(t.out, '"'), t.num, 10), '"')
		case kindInt:
			t.out = append(strconv.AppendInt(append(t.out, '"'), int64(t.num), 10), '"')
		default:
			return false
		}
		t.out = append(t.out, ':')
		if !t.value(left - 1) {
			return false
		}
	}
	t.out = append(t.out, '}')
	return true
}

// appendFloat appends the shortest number that gives f when it is read with so many bits,
// as encoding/json has it. Where that would be read as an integer it gets a fraction.
func appendFloat(dst []byte, f float64, bits int) []byte {
	abs := math.Abs(f)
	if abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
		if n := len(dst); dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' { // e-09
			dst[n-2] = dst[n-1]
			dst = dst[:n-1]
		}
		return dst
	}
	dst = strconv.AppendFloat(dst, f, 'f', -1, bits)
	if f == math.Trunc(f) && abs != 0 && abs <= 1<<64 || f == 0 && !math.Signbit(f) {
		dst = append(dst, ".0"...)
	}
	return dst
}

const hex = "0123456789abcdef"

// appendQuoted appends a string, which is UTF-8, as JSON.
func appendQuoted(dst, text []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(append(dst, text[from:i]...), escapeOf(c)...)
		if c < ' ' && len(escapeOf(c)) > 2 {
			dst[len(dst)-2], dst[len(dst)-1] = hex[c>>4], hex[c&15]
		}
		from = i + 1
	}
	return append(append(dst, text[from:]...), '"')
}

// escapeOf returns how a character is escaped; of most control characters the digits are
// missing.
func escapeOf(c byte) string {
	switch c {
	case '"':
		return `\"`
	case '\\':
		return `\\`
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	return `\u0000`
}
