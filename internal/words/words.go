// Package words divides command lines into words.
package words

import (
	"errors"
	"fmt"
	"strings"
)

// Split divides a command line into words as a POSIX shell does, but for everything a
// shell would put in place of words: variables, patterns, redirections and the rest stay
// as they are. Quotes of either kind keep blanks; a backslash takes the next character
// as it is, except between single quotes, and between double quotes unless that is a
// backslash or a double quote.
func Split(s string) ([]string, error) {
	var all []string
	for {
		word, rest, ok, err := Next(s)
		if err != nil || !ok {
			return all, err
		}
		all, s = append(all, word), rest
	}
}

// Next returns the first word of a command line, and what follows it. Without a word, ok is
// false.
func Next(s string) (word, rest string, ok bool, err error) {
	s = strings.TrimLeft(s, blanks)
	if s == "" {
		return "", "", false, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case strings.IndexByte(blanks, c) >= 0:
			return b.String(), s[i:], true, nil
		case c == '\'' || c == '"':
			n, err := quoted(&b, s[i:])
			if err != nil {
				return "", "", false, err
			}
			i += n - 1
		case c == '\\':
			if i++; i == len(s) {
				return "", "", false, errors.New("a backslash stands at the end")
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", true, nil
}

const blanks = " \t\n\r"

// quoted appends what stands between the quote that s begins with and the next, and
// returns the length of it all.
func quoted(word *strings.Builder, s string) (int, error) {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return i + 1, nil
		case quote == '"' && s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || s[i+1] == '"'):
			i++
		}
		word.WriteByte(s[i])
	}
	return 0, fmt.Errorf("a %c is never closed", quote)
}
