package stdio

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// commandOf returns the program and its arguments that an exec: address names. What
// follows the colon is the command, with %25 for a per cent sign, as in every URL.
func commandOf(u *url.URL) ([]string, error) {
	if u.Host != "" || u.User != nil {
		return nil, errors.New("exec: addresses have no //; write exec:./thermo --fast")
	}
	text := u.Path
	if u.Opaque != "" {
		var err error
		if text, err = url.PathUnescape(u.Opaque); err != nil {
			return nil, fmt.Errorf("exec: %w; write %%25 for a per cent sign", err)
		}
	}
	if u.RawQuery != "" || u.ForceQuery { // a question mark is one of the command's
		text += "?" + u.RawQuery
	}
	if u.Fragment != "" {
		text += "#" + u.Fragment
	}
	words, err := split(text)
	if err != nil {
		return nil, fmt.Errorf("exec: %s: %w", text, err)
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("exec: names no command; write exec:./thermo --fast")
	}
	return words, nil
}

// split divides a command line into words as a POSIX shell does, but for everything a
// shell would put in place of words: variables, patterns, redirections and the rest stay
// as they are. Quotes of either kind keep blanks; a backslash takes the next character
// as it is, except between single quotes, and between double quotes unless that is a
// backslash or a double quote.
func split(s string) ([]string, error) {
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
