// Package words divides command lines.
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
	var words []string
	var word strings.Builder
	inWord := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		case '\'', '"':
			n, err := quoted(&word, s[i:])
			if err != nil {
				return nil, err
			}
			i += n - 1
			inWord = true
		case '\\':
			if i++; i == len(s) {
				return nil, errors.New("a backslash stands at the end")
			}
			word.WriteByte(s[i])
			inWord = true
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

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
