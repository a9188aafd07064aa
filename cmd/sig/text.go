package main

import (
	"fmt"
	"strings"
	"unicode"
)

// unsafeRune reports whether a terminal, or who looks at it, could be misled by the
// character: controls, marks that turn the direction of what follows, and what cannot be
// seen, but for the two that join letters and emoji. Names and data are anybody's text.
func unsafeRune(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) && r != '\u200c' && r != '\u200d'
}

// visible returns a name as a terminal may safely show it.
func visible(name string) string {
	if name == "" || strings.ContainsFunc(name, unsafeRune) {
		return fmt.Sprintf("%+q", name)
	}
	return name
}

// visibleText returns text that is no name as a terminal may safely show it, on one line.
func visibleText(text string) string {
	return strings.Map(func(r rune) rune {
		if unsafeRune(r) {
			return ' '
		}
		return r
	}, text)
}

// visibleJSON returns JSON text as a terminal may safely show it. But for line breaks, which
// stay, what it replaces occurs only within strings, so the text means the same.
func visibleJSON(text []byte) string {
	s := string(text)
	if !strings.ContainsFunc(s, unsafeRune) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r != '\n' && unsafeRune(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plural returns "1 event", "2 events".
func plural[N int | int64 | uint64](n N, one string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %ss", n, one)
}
