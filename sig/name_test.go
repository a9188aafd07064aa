package sig_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		match, below  bool
	}{
		{"a", "a", true, true}, {"a", "b", false, false}, {"a", "a.b", false, true}, {"a", "ab", false, false},
		{"address", "address.usa", false, true}, {"address", "addresses", false, false}, {"address.usa", "address", false, false},
		{"*", "a", true, true}, {"*", "a.b", false, true}, {"*.*", "a", false, false}, {"*.*", "a.b", true, true},
		{"a.*", "a", false, false}, {"a.*", "a.b", true, true}, {"a.*", "a.b.c", false, true}, {"a.*.c", "a.b.c", true, true},
		{"*.b", "a.b", true, true}, {"*.b", "a.c", false, false}, {"*.b", "a.b.c", false, true},
		{">", "a", true, true}, {">", "a.b.c", true, true}, {"a.>", "a", false, false}, {"a.>", "a.b", true, true}, {"a.>", "a.b.c", true, true},
		{"*.>", "a", false, false}, {"*.>", "a.b", true, true},
		{"a*", "ab", false, false}, {"a*", "a*", true, true}, {"a>", "ab", false, false}, {">a", ">a", true, true},
		{"", "", true, true}, {"a.", "a.", true, true}, {"a.", "a", false, false}, {"a", "a.", false, true}, {"a.*", "a.", true, true}, {".", ".", true, true},
		{"#connect", "#connect", true, true}, {"*", "#connect", true, true},
	} {
		require.Equal(t, c.match, sig.Match(c.pattern, c.name), "Match(%q, %q)", c.pattern, c.name)
		require.Equal(t, c.below, sig.MatchBelow(c.pattern, c.name), "MatchBelow(%q, %q)", c.pattern, c.name)
	}
}

// matchModel is Match by way of a regular expression.
func matchModel(pattern, name string) bool {
	parts := strings.Split(pattern, ".")
	for i, part := range parts {
		switch {
		case part == "*":
			parts[i] = `[^.]*`
		case part == ">" && i == len(parts)-1:
			parts[i] = `(?s:.*)`
		default:
			parts[i] = regexp.QuoteMeta(part)
		}
	}
	return regexp.MustCompile(`\A` + strings.Join(parts, `\.`) + `\z`).MatchString(name)
}

// belowModel is MatchBelow: some beginning of the name, up to a dot or the end, matches.
func belowModel(pattern, name string) bool {
	parts := strings.Split(name, ".")
	for i := range parts {
		if matchModel(pattern, strings.Join(parts[:i+1], ".")) {
			return true
		}
	}
	return false
}

func FuzzMatch(f *testing.F) {
	for _, pattern := range []string{"a", "*", ">", "a.*", "a.>", "*.b.>", "a.*.c", "", ".", "a..b", "*.", ">.a", "#x", "a*", "é.*"} {
		for _, name := range []string{"a", "a.b", "a.b.c", "", ".", "a..b", "#x", "é.b", "*", ">"} {
			f.Add(pattern, name)
		}
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if sig.CheckPattern("p", pattern) != nil || sig.CheckName("n", name) != nil {
			t.Skip("neither reaches Match")
		}
		require.Equal(t, matchModel(pattern, name), sig.Match(pattern, name))
		require.Equal(t, belowModel(pattern, name), sig.MatchBelow(pattern, name))
		require.Equal(t, strings.ContainsAny(pattern, "*>") && patternModel(pattern), sig.IsPattern(pattern))
		if !sig.IsPattern(pattern) {
			require.Equal(t, pattern == name, sig.Match(pattern, name), "what is no pattern matches itself alone")
		}
	})
}

func patternModel(s string) bool {
	return regexp.MustCompile(`(\A|\.)[*>](\.|\z)`).MatchString(s)
}

func FuzzCheckName(f *testing.F) {
	for _, s := range []string{"", "a", "a.b", "*", ">", "a.>.b", "a>.b.>.c", "\x00", "\xff", "é", strings.Repeat("x", 256)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, pattern := sig.CheckName("sender", s), sig.CheckPattern("sender", s)
		for _, err := range []error{name, pattern} {
			if err != nil {
				require.ErrorIs(t, err, sig.ErrInvalid)
				require.NotRegexp(t, `[\x00-\x1f\x7f-\x{10ffff}]`, err.Error(), "a text for the log is plain")
				require.Less(t, len(err.Error()), 500)
			}
		}
		if pattern != nil {
			require.Error(t, name, "every name is a pattern")
		} else {
			require.Equal(t, sig.IsPattern(s), name != nil)
		}
	})
}

func TestCheckName(t *testing.T) {
	for _, ok := range []string{"a", "#", "#chat", "a.b", "a..b", ".", "a b", "é", "\u202e", "a*", "*a.b", ">a", strings.Repeat("x", sig.MaxName)} {
		require.NoError(t, sig.CheckName("event", ok), "%q", ok)
		require.NoError(t, sig.CheckPattern("event", ok), "%q", ok)
	}
	for _, pattern := range []string{"*", ">", "a.*", "*.a", "a.>", "*.*", "*.>"} {
		require.ErrorIs(t, sig.CheckName("event", pattern), sig.ErrInvalid, "%q", pattern)
		require.NoError(t, sig.CheckPattern("event", pattern), "%q", pattern)
	}
	for bad, text := range map[string]string{
		"": "empty event name", strings.Repeat("x", sig.MaxName+1): "event name of 256 bytes is longer than 255",
		"a\x00": `event name "a\x00" has a control character`, "a\x7f": "control", "a\u0085": "control", "a\n": "control",
		"a\xff": `event name "a\xff" is not valid UTF-8`,
	} {
		for _, check := range []func(string, string) error{sig.CheckName, sig.CheckPattern} {
			err := check("event", bad)
			require.ErrorIs(t, err, sig.ErrInvalid, "%q", bad)
			require.ErrorContains(t, err, text)
		}
	}
	for _, bad := range []string{">.a", "a.>.b", "a>.>.b", ">.>"} {
		require.ErrorContains(t, sig.CheckPattern("event", bad), `before its end`, "%q", bad)
	}
}

func TestBuiltinAndChannel(t *testing.T) {
	for _, name := range []string{sig.Connect, sig.Disconnect, sig.Subscribe, sig.Unsubscribe} {
		require.True(t, sig.IsBuiltin(name))
		require.True(t, sig.IsChannel(name))
	}
	for _, name := range []string{"#chat", "connect", "", "#connect.x"} {
		require.False(t, sig.IsBuiltin(name), name)
	}
	require.True(t, sig.IsChannel("#chat"))
	require.False(t, sig.IsChannel("chat"))
	require.False(t, sig.IsChannel(""))
	require.True(t, errors.Is(sig.CheckName("x", ""), sig.ErrInvalid))
}
