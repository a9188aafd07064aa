package words_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/words"
)

func TestNext(t *testing.T) {
	word, rest, ok, err := words.Next(`  'a b'c  {"d": 1} `)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "a bc", word)
	require.Equal(t, `  {"d": 1} `, rest)
	_, _, ok, err = words.Next(" \t")
	require.NoError(t, err)
	require.False(t, ok)
	_, _, _, err = words.Next(`a"b`)
	require.ErrorContains(t, err, `a " is never closed`)
}

// FuzzSplit checks that words which are quoted come back as they were.
func FuzzSplit(f *testing.F) {
	f.Add("a b", `c'd\`, "")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		_, _ = words.Split(a)
		want := []string{a, b, c}
		line := ""
		for i, w := range want {
			if i%2 == 0 {
				line += ` '` + strings.ReplaceAll(w, "'", `'\''`) + `'`
			} else {
				line += ` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(w) + `"`
			}
		}
		got, err := words.Split(line)
		require.NoError(t, err, line)
		require.Equal(t, want, got, line)
	})
}
