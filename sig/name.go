package sig

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Any, as the sender or the event of a subscription, matches every name.
const Any = ">"

// MaxName is the length of the longest name, in bytes.
const MaxName = 255

// IsBuiltin reports whether the name is one of the built-in events, which only the
// router triggers.
func IsBuiltin(event string) bool {
	switch event {
	case Connect, Disconnect, Subscribe, Unsubscribe:
		return true
	}
	return false
}

// IsChannel reports whether the name begins with '#', as names of channels do by
// custom. Every event name can be listened to across senders, with or without it.
func IsChannel(event string) bool { return strings.HasPrefix(event, "#") }

// CheckName reports, as an error that matches ErrInvalid, why name cannot be the name
// of a sender, event or method; what says which of them, for the error's text.
func CheckName(what, name string) error {
	if err := checkText(what, name); err != nil {
		return err
	}
	if IsPattern(name) {
		return Errorf(ErrInvalid, "%s name %s is a pattern; a name has no part \"*\" or \">\"", what, quote(name))
	}
	return nil
}

// CheckPattern is CheckName for what a subscription names: a name or a pattern.
func CheckPattern(what, pattern string) error {
	if pattern == "" {
		return Errorf(ErrInvalid, "empty %s name; to mean every one use \">\" (sig.Any), on the wire null", what)
	}
	if err := checkText(what, pattern); err != nil {
		return err
	}
	if strings.IndexByte(pattern, '>') >= 0 && hasRestBeforeEnd(pattern) {
		return Errorf(ErrInvalid, "%s pattern %s has \">\" before its end; use \"*\" for one part", what, quote(pattern))
	}
	return nil
}

func hasRestBeforeEnd(pattern string) bool {
	for {
		part, rest, more := strings.Cut(pattern, ".")
		if !more {
			return false
		}
		if part == ">" {
			return true
		}
		pattern = rest
	}
}

func checkText(what, s string) error {
	switch {
	case s == "":
		return Errorf(ErrInvalid, "empty %s name", what)
	case len(s) > MaxName:
		return Errorf(ErrInvalid, "%s name of %d bytes is longer than %d", what, len(s), MaxName)
	case isPlain(s):
		return nil
	case !utf8.ValidString(s):
		return Errorf(ErrInvalid, "%s name %s is not valid UTF-8", what, quote(s))
	}
	for _, c := range s {
		if unicode.IsControl(c) {
			return Errorf(ErrInvalid, "%s name %s has a control character", what, quote(s))
		}
	}
	return nil
}

// isPlain reports whether s is printable ASCII, as nearly all names are.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// quote shows hostile text on one short line.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

// IsPattern reports whether s has a part "*" or ">", and so can match several names.
func IsPattern(s string) bool {
	if strings.IndexByte(s, '*') < 0 && strings.IndexByte(s, '>') < 0 {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "*" || part == ">" {
			return true
		}
	}
	return false
}

// Match reports whether the pattern matches the name. Parts are divided by dots; "*"
// matches exactly one part, a final ">" one part or more, anything else only itself.
// These are the rules of NATS subjects.
func Match(pattern, name string) bool {
	for {
		p, pRest, pMore := strings.Cut(pattern, ".")
		if p == ">" && !pMore {
			return true
		}
		n, nRest, nMore := strings.Cut(name, ".")
		if p != "*" && p != n || pMore != nMore {
			return false
		}
		if !pMore {
			return true
		}
		pattern, name = pRest, nRest
	}
}

// MatchBelow is Match that also accepts every name below one that matches: pattern
// "address" matches "address" and "address.usa", not "addresses".
func MatchBelow(pattern, name string) bool {
	for {
		if Match(pattern, name) {
			return true
		}
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			return false
		}
		name = name[:i]
	}
}
