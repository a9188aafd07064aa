package wire

import (
	"unicode/utf8"

	"github.com/sigrouter/sigrouter/sig"
)

// ParseInfo takes the Info of a signal apart, given whether it came in a binary
// frame. It fails, with an *Error, when sender or event is missing or no string;
// whether they may be names is for sig.CheckName to say.
func ParseInfo(info []byte, binary bool) (sender, event string, retained bool, err error) {
	if binary {
		return parseBinaryInfo(info)
	}
	if i := skipSpace(info, 0); i == len(info) || info[i] != '{' {
		return "", "", false, invalid("invalid arguments: info is missing, or not an object")
	}
	var p infoParser
	p.s.begin(info, &Limits{})
	p.o.s = &p.s
	start := skipSpace(info, 0)
	end := p.o.members(start, p.member)
	switch {
	case end < 0:
		return "", "", false, wholeErr(&p.s)
	case skipSpace(info, end) != len(info):
		return "", "", false, malformed("info is followed by something else")
	case p.o.err != nil:
		return "", "", false, p.o.err
	case p.s.lone:
		return "", "", false, malformed("info has half of a surrogate pair, which is no character")
	}
	if sender, err = nameIn("sender", p.sender); err == nil {
		event, err = nameIn("event", p.event)
	}
	if err != nil {
		return "", "", false, err
	}
	switch {
	case p.retained == nil || p.retained[0] == 'f':
		return sender, event, false, nil
	case p.retained[0] == 't':
		return sender, event, true, nil
	}
	return "", "", false, invalid("invalid arguments: retained in info is neither true nor false")
}

type infoParser struct {
	s                       scanner
	o                       object
	sender, event, retained []byte
}

func (p *infoParser) member(name []byte, i int) (member uint, end int) {
	switch string(name) {
	case "sender":
		return 1 << 0, p.o.scalar(i, &p.sender)
	case "event":
		return 1 << 1, p.o.scalar(i, &p.event)
	case "retained":
		return 1 << 2, p.o.scalar(i, &p.retained)
	}
	return 0, p.s.value(i)
}

func invalid(format string, args ...any) *Error {
	e := malformed(format, args...)
	e.Kind = sig.ErrInvalid
	return e
}

func nameIn(what string, raw []byte) (string, error) {
	switch {
	case raw == nil:
		return "", invalid("invalid arguments: info names no %s", what)
	case raw[0] != '"':
		return "", invalid("invalid arguments: %s in info is not a string", what)
	}
	text, _ := unescape(nil, raw[1:len(raw)-1])
	return string(text), nil
}

func parseBinaryInfo(info []byte) (sender, event string, retained bool, err error) {
	if len(info) > 0 {
		n := 1 + int(info[0])
		if n < len(info) && n+1+int(info[n]) == len(info) {
			s, e := info[1:n], info[n+1:]
			if !utf8.Valid(s) || !utf8.Valid(e) {
				return "", "", false, malformed("a name in a binary signal is not UTF-8")
			}
			return string(s), string(e), false, nil
		}
	}
	return "", "", false, malformed("binary info is not two names")
}
