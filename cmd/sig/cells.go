package main

import (
	"slices"
	"strings"
	"unicode"
)

// wideRunes are characters that take two columns of a terminal: ranges, both ends included.
// Where terminals differ it says two: a gap is better than an overlap.
var wideRunes = [][2]rune{
	{0x1100, 0x115f}, {0x231a, 0x231b}, {0x2329, 0x232a}, {0x23e9, 0x23ec}, {0x23f0, 0x23f0}, {0x23f3, 0x23f3},
	{0x25fd, 0x25fe}, {0x2614, 0x2615}, {0x2648, 0x2653}, {0x267f, 0x267f}, {0x2693, 0x2693}, {0x26a1, 0x26a1},
	{0x26aa, 0x26ab}, {0x26bd, 0x26be}, {0x26c4, 0x26c5}, {0x26ce, 0x26ce}, {0x26d4, 0x26d4}, {0x26ea, 0x26ea},
	{0x26f2, 0x26f3}, {0x26f5, 0x26f5}, {0x26fa, 0x26fa}, {0x26fd, 0x26fd}, {0x2705, 0x2705}, {0x270a, 0x270b},
	{0x2728, 0x2728}, {0x274c, 0x274c}, {0x274e, 0x274e}, {0x2753, 0x2755}, {0x2757, 0x2757}, {0x2795, 0x2797},
	{0x27b0, 0x27b0}, {0x27bf, 0x27bf}, {0x2b1b, 0x2b1c}, {0x2b50, 0x2b50}, {0x2b55, 0x2b55}, {0x2e80, 0x303e},
	{0x3041, 0x4dbf}, {0x4e00, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe10, 0xfe1f},
	{0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x16fe0, 0x18cff}, {0x1aff0, 0x1b2ff}, {0x1f004, 0x1f004},
	{0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f1e6, 0x1f64f}, {0x1f680, 0x1f6ff},
	{0x1f7e0, 0x1f7f0}, {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
}

// runeWidth returns how many columns of a terminal a character takes.
func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	_, wide := slices.BinarySearchFunc(wideRunes, r, func(w [2]rune, r rune) int {
		switch {
		case w[1] < r:
			return -1
		case w[0] > r:
			return 1
		}
		return 0
	})
	if wide {
		return 2
	}
	return 1
}

// textWidth returns how many columns text takes, that has no control characters in it.
func textWidth(s string) (n int) {
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// cutMark ends text that was cut.
const cutMark = "…"

// fit returns text that takes at most width columns, with a mark where it was cut.
func fit(s string, width int) string {
	if len(s) <= width || textWidth(s) <= width && len(s) <= 8*width {
		return s
	}
	if width < 1 {
		return ""
	}
	n := 0
	for i, r := range s {
		w := runeWidth(r)
		// Marks above a letter take no column, but a thousand of them no terminal likes.
		if n+w > width-1 || i > 8*width {
			return s[:i] + cutMark
		}
		n += w
	}
	return s
}

// cell returns text that takes width columns, as far as anybody knows.
func cell(s string, width int, right bool) string {
	s = fit(s, width)
	blank := strings.Repeat(" ", max(0, width-textWidth(s)))
	if right {
		return blank + s
	}
	return s + blank
}
