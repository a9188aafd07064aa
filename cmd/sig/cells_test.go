package main

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func regexpMatch(pattern, s string) bool { return regexp.MustCompile(pattern).MatchString(s) }

func TestFit(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"", 0, ""}, {"a", 0, ""}, {"ab", 1, "…"},
		{"名前名前", 8, "名前名前"}, {"名前名前", 7, "名前名…"}, {"名前名前", 6, "名前…"}, {"名", 1, "…"},
		{"e\u0301e\u0301", 2, "e\u0301e\u0301"}, {"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		require.Equal(t, c.want, fit(c.text, c.width), "%q %d", c.text, c.width)
		require.LessOrEqual(t, textWidth(fit(c.text, c.width)), c.width)
	}
	zalgo := fit("z"+strings.Repeat("\u0301", 10_000), 10)
	require.Less(t, len(zalgo), 100, "marks without end are cut as well")
	require.Equal(t, "ab  ", cell("ab", 4, false))
	require.Equal(t, "  ab", cell("ab", 4, true))
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", math.MaxUint64: "18,446,744,073,709,551,615"} {
		require.Equal(t, want, grouped(n))
	}
	for r, want := range map[float64]string{0: "0.0", 0.25: "0.2", 99.94: "99.9", 99.96: "100", 1234.5: "1,235"} {
		require.Equal(t, want, rateText(r))
	}
	for n, want := range map[float64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 9960: "10 kB", 999_949: "1000 kB", 1_500_000: "1.5 MB", 2e12: "2 TB"} {
		require.Equal(t, want, bytesText(n))
	}
	for d, want := range map[time.Duration]string{0: "-", 430 * time.Microsecond: "430 µs", 1200 * time.Microsecond: "1.2 ms", 45 * time.Millisecond: "45 ms", 3400 * time.Millisecond: "3.4 s"} {
		require.Equal(t, want, shortDuration(d))
	}
	for d, want := range map[time.Duration]string{-time.Second: "0s", 12 * time.Second: "12s", 192 * time.Second: "3m12s", 2*time.Hour + 5*time.Minute: "2h05m", 99 * time.Hour: "4d03h"} {
		require.Equal(t, want, ageText(d))
	}
	require.Equal(t, " ▁▄█", sparkline([]float64{0, 0.1, 50, 100}))
	require.Equal(t, "   ", sparkline([]float64{0, 0, 0}))
}

func TestParseKey(t *testing.T) {
	for text, want := range map[string]key{
		"q": 'q', "\x03": keyInterrupt, "\x1b": keyEscape, "\x1b[A": keyUp, "\x1bOB": keyDown, "\x1b[5~": keyPageUp, "\x1b[1~": keyHome,
		"\r": keyEnter, "\x7f": keyDelete, "ü": 'ü', "名": '名', "\x1b[99;3~": keyNone, "\x01": keyNone, "\xff": keyNone, "\t": '\t',
	} {
		k, n := parseKey([]byte(text))
		require.Equal(t, want, k, "%q", text)
		require.Equal(t, len(text), n, "%q", text)
	}
	for _, begun := range []string{"\x1b[", "\x1b[1;", "\xe5\x90"} {
		_, n := parseKey([]byte(begun))
		require.Zero(t, n, "%q is not whole", begun)
	}
}

func TestTablesFitAnyWidth(t *testing.T) {
	for w := range 250 {
		for _, c := range signalTable().place(w) {
			require.LessOrEqual(t, c.at+c.wide, w)
		}
		for _, c := range peerTable(time.Now).place(w) {
			require.LessOrEqual(t, c.at+c.wide, w)
		}
		for _, c := range methodTable().place(w) {
			require.LessOrEqual(t, c.at+c.wide, w)
		}
	}
}
