package wire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/sigrouter/sigrouter/sig"
)

// ErrShort reports that the bytes are the beginning of a message and more must come.
var ErrShort = errors.New("wire: the message is not complete")

// An Error says why a message was refused.
type Error struct {
	Kind *sig.Error // sig.ErrMalformed, sig.ErrLimit, or from ParseInfo sig.ErrInvalid
	Text string
	Over string // the limit that was passed, as named in carrier.Limits; "" for none
	ID   []byte // raw id for the reply, a copy; nil if none was read
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// Unwrap returns the kind, so that errors.Is and sig.AsError see it.
func (e *Error) Unwrap() error { return e.Kind }

func malformed(format string, args ...any) *Error {
	return &Error{Kind: sig.ErrMalformed, Text: fmt.Sprintf(format, args...)}
}

// Limit returns the limit that was passed, "" for none.
func (e *Error) Limit() string { return e.Over }

func overLimit(limit, format string, args ...any) *Error {
	return &Error{Kind: sig.ErrLimit, Over: limit, Text: fmt.Sprintf(format, args...) + " (limit " + limit + ")"}
}

// err returns why the scanner stopped: ErrShort or an *Error.
func (s *scanner) err() error {
	switch s.bad {
	case faultShort:
		return ErrShort
	case faultControl:
		return control(s.b[s.at], s.at)
	case faultUTF8:
		return malformed("not UTF-8: byte %d is 0x%02x, which cannot stand there", s.at, s.b[s.at])
	case faultEscape:
		return malformed("not JSON: byte %d begins no valid escape", s.at)
	case faultNaN:
		return notNumber('N', s.at)
	case faultInfinity:
		return notNumber('I', s.at)
	case faultDepth:
		return overLimit("MaxDepth", "nested deeper than %d levels", s.depth)
	}
	return malformed("not JSON: byte %d is %s, expected %s", s.at, describe(s.b[s.at:]), s.want)
}

// describe names the first byte of b for an error's text.
func describe(b []byte) string {
	switch c := b[0]; {
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		return "a byte order mark"
	case ' ' <= c && c < 0x7F:
		return fmt.Sprintf("%q", rune(c))
	default:
		return fmt.Sprintf("0x%02x", c)
	}
}

func control(c byte, at int) *Error {
	return malformed("not JSON: byte %d is the control character 0x%02x inside a string; write it as \\u%04x", at, c, c)
}

func notNumber(first byte, at int) *Error {
	name := "NaN"
	if first == 'I' {
		name = "Infinity"
	}
	return malformed("not JSON: byte %d begins %s, which JSON does not have; send null or a string instead", at, name)
}

// notMessage returns the error for a first byte that begins no message.
func notMessage(b []byte) *Error {
	return malformed("a message is one JSON object; it cannot begin with %s", describe(b))
}
