package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

func TestReadData(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data.json")
	require.NoError(t, os.WriteFile(file, []byte("{\"a\": 1,\n \"b\": [ 12345678901234567890, \"ü\" ]}\n"), 0o600))
	a := &app{in: strings.NewReader("\n [1, 2]\n")}
	for arg, want := range map[string]string{
		`{"n": 1}`:  `{"n":1}`,
		`null`:      `null`,
		`"a  b"`:    `"a  b"`,
		"@" + file:  `{"a":1,"b":[12345678901234567890,"ü"]}`,
		"-":         `[1,2]`,
		`"\ud800"`:  `"\ud800"`,
		` 1.50e1  `: `1.50e1`,
	} {
		raw, err := a.readData(arg)
		require.NoError(t, err, arg)
		require.Equal(t, want, raw.String(), arg)
	}
}

func TestReadDataSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data.json")
	require.NoError(t, os.WriteFile(file, []byte("{\"a\": 1,\n \"b\": oops}\n"), 0o600))
	for arg, says := range map[string]string{
		"hello":                   `hello is not JSON (invalid character 'h' looking for beginning of value); to send text, put it in double quotes within single ones: '"hello"'`,
		"":                        ` is not JSON (unexpected end of JSON input); to send text, put it in double quotes within single ones: '""'`,
		"NaN":                     `NaN is not JSON (invalid character 'N' looking for beginning of value); to send text, put it in double quotes within single ones: '"NaN"'`,
		"1 2":                     `1 2 is not JSON (invalid character '2' after top-level value); to send text, put it in double quotes within single ones: '"1 2"'`,
		"@" + file:                file + ", line 2: not JSON: invalid character 'o' looking for beginning of value",
		"-":                       "standard input, line 1: not JSON: unexpected end of JSON input",
		"@/no/such":               "open /no/such: no such file or directory",
		strings.Repeat("x", 1000): strings.Repeat("x", 60) + `... is not JSON (invalid character 'x' looking for beginning of value); to send text, put it in double quotes within single ones: '"` + strings.Repeat("x", 59) + `...'`,
	} {
		a := &app{in: strings.NewReader("")}
		_, err := a.readData(arg)
		require.EqualError(t, err, says)
		require.Equal(t, exitUsage, exitCode(err))
	}
}

func TestRawText(t *testing.T) {
	for json, want := range map[string]string{
		`"text"`: "text", `"two\nlines"`: "two\nlines", `""`: "", `1`: "1", `{"a":"b"}`: `{"a":"b"}`, `null`: "null",
	} {
		require.Equal(t, want, rawText(&sig.Raw{Codec: sig.JSON{}, Bytes: []byte(json)}))
	}
}

func TestVisible(t *testing.T) {
	for name, want := range map[string]string{
		"plain": "plain", "grün": "grün", "": `""`, "a\x1b[31m": `"a\x1b[31m"`, "a\u202eb": `"a\u202eb"`,
	} {
		require.Equal(t, want, visible(name))
	}
	require.Equal(t, `"\u202eb\u009b"`, visibleJSON([]byte("\"\u202eb\u009b\"")))
	require.Equal(t, "{\n  \"a\": 1\n}", visibleJSON([]byte("{\n  \"a\": 1\n}")))
}

func TestPlural(t *testing.T) {
	require.Equal(t, "1 event", plural(1, "event"))
	require.Equal(t, "0 events", plural(0, "event"))
}
