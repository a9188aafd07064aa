package serial

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sigrouter/sigrouter/sig"
)

// bare is the framing of a plain device: lines of text.
type bare struct{ end byte }

func (b bare) delimiter() byte { return b.end }
func (bare) textOnly() bool    { return true }
func (bare) room(n int) int    { return n }

// decode leaves the line without the white space at its end. Control characters, other
// than tabs and the escapes of coloured text, and bytes most of which are not UTF-8,
// come from a line at another speed, or from a board that is booting.
func (bare) decode(seg []byte) ([]byte, verdict) {
	seg = bytes.TrimRight(bytes.TrimLeft(seg, "\x00\r\n"), " \t\r\n\x00")
	if len(seg) == 0 {
		return nil, blank
	}
	odd := 0
	for rest := seg; len(rest) > 0; {
		c, size := utf8.DecodeRune(rest)
		switch {
		case c == utf8.RuneError && size == 1:
			odd++
		case (c < ' ' && c != '\t' && c != '\x1b') || c == '\x7f':
			return nil, bad
		}
		rest = rest[size:]
	}
	if 4*odd > len(seg) {
		return nil, bad
	}
	return seg, good
}

func (b bare) append(dst, head, body []byte) []byte {
	return append(append(append(dst, head...), body...), b.end)
}

// lineValue returns as JSON what a line of text is: the JSON value that it spells, the
// decimal number, else a string. It reports whether bytes were replaced because they are
// no UTF-8.
func lineValue(line []byte) (value json.RawMessage, repaired bool) {
	inner := bytes.TrimSpace(line)
	valid := utf8.Valid(line)
	if valid && json.Valid(inner) {
		return inner, false
	}
	if n, ok := decimal(string(inner)); ok {
		return json.RawMessage(n), false
	}
	text, err := sig.JSON{}.Marshal(strings.ToValidUTF8(string(line), "\uFFFD"))
	if err != nil { // a string can always be encoded
		return json.RawMessage("null"), true
	}
	return text, !valid
}

// decimal writes a number as devices print them (+5, .5, 5., -007.50) in the way of
// JSON. Whole numbers that begin with a zero and have no sign are taken for codes, and
// are none.
func decimal(s string) (string, bool) {
	sign := ""
	switch {
	case strings.HasPrefix(s, "-"):
		sign, s = "-", s[1:]
	case strings.HasPrefix(s, "+"):
		sign, s = "+", s[1:]
	}
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(s), "e")
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	switch {
	case whole+fraction == "", !isDigits(whole), !isDigits(fraction):
		return "", false
	case hasExponent && (exponent == "" || !isDigits(strings.TrimLeft(exponent[:1], "+-")+exponent[1:])):
		return "", false
	case sign == "" && !hasPoint && len(whole) > 1 && whole[0] == '0':
		return "", false
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if sign == "+" {
		sign = ""
	}
	n := sign + whole
	if fraction != "" {
		n += "." + fraction
	}
	if hasExponent {
		n += "e" + exponent
	}
	return n, json.Valid([]byte(n))
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// lineText returns a JSON value as the text of one line: a string as it is, with blanks
// for its line breaks, null as nothing, and anything else as JSON.
func lineText(value json.RawMessage) string {
	var s string
	switch {
	case len(value) == 0, string(value) == "null":
		return ""
	case json.Unmarshal(value, &s) != nil:
		s = string(value)
	}
	return strings.Map(func(c rune) rune {
		if c == '\n' || c == '\r' {
			return ' '
		}
		return c
	}, s)
}

// partialWithin is how soon after the reading began a first byte may belong to a line
// that was under way: longer than any USB adapter holds bytes back.
const partialWithin = 50 * time.Millisecond

// fromLine reads from the beginning of a line on. A value cut at its beginning looks
// like a good one.
type fromLine struct {
	from    io.Reader
	end     byte
	skip    func(Reason, []byte)
	begun   bool // the first read is done
	cut     bool // part of a line has been passed over
	aligned bool
}

// Read passes over the first line unless silence went before it.
func (r *fromLine) Read(p []byte) (int, error) {
	for !r.aligned {
		start := time.Now()
		n, err := r.from.Read(p)
		if n == 0 {
			return 0, err
		}
		if !r.begun && time.Since(start) > partialWithin {
			r.aligned = true
			return n, err
		}
		r.begun = true
		if n = r.align(p[:n]); n > 0 {
			return n, err
		}
	}
	return r.from.Read(p)
}

// align passes over what stands before a line's end, and moves what follows to the
// front of p.
func (r *fromLine) align(p []byte) int {
	head, tail, found := bytes.Cut(p, []byte{r.end})
	r.cut = r.cut || len(bytes.TrimSpace(head)) > 0
	switch {
	case !found:
		r.skip(more, head)
		return 0
	case r.cut:
		r.skip(Partial, head)
	}
	r.aligned = true
	return copy(p, tail)
}
