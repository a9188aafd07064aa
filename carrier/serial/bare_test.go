package serial

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLineValue(t *testing.T) {
	for _, c := range []struct {
		line, value string
		repaired    bool
	}{
		{"21.5", "21.5", false},
		{"  21.5", "21.5", false},
		{"-3", "-3", false},
		{"0", "0", false},
		{"1e3", "1e3", false},
		{"12345678901234567890", "12345678901234567890", false}, // no digit is lost
		{"+5", "5", false},
		{"+00021.50", "21.50", false},
		{"-007", "-7", false},
		{"021.5", "21.5", false},
		{".5", "0.5", false},
		{"5.", "5", false},
		{"-.5E+2", "-0.5e+2", false},
		{"0045", `"0045"`, false}, // a code, perhaps a tag's
		{".", `"."`, false},
		{"-", `"-"`, false},
		{"+", `"+"`, false},
		{"e5", `"e5"`, false},
		{"1e", `"1e"`, false},
		{"1e+", `"1e+"`, false},
		{"1e-+5", `"1e-+5"`, false},
		{"--5", `"--5"`, false},
		{"1.2.3", `"1.2.3"`, false},
		{"0x1F", `"0x1F"`, false},
		{"NaN", `"NaN"`, false},
		{"21.5 C", `"21.5 C"`, false},
		{"true", "true", false},
		{"null", "null", false},
		{`{"t":21.5,"ok":true}`, `{"t":21.5,"ok":true}`, false},
		{`[1, 2]`, `[1, 2]`, false},
		{`"quoted"`, `"quoted"`, false},
		{`{"t":21.5`, `"{\"t\":21.5"`, false},
		{"  indented <b>", `"  indented <b>"`, false},
		{"21.5 \xb0C", `"21.5 ` + "\uFFFD" + `C"`, true}, // Latin-1
		{"21.5 °C", `"21.5 °C"`, false},
	} {
		value, repaired := lineValue([]byte(c.line))
		require.Equal(t, c.value, string(value), c.line)
		require.Equal(t, c.repaired, repaired, c.line)
	}
}

func TestBareDecode(t *testing.T) {
	for _, c := range []struct {
		line, frame string
		want        verdict
	}{
		{"21.5\r", "21.5", good},
		{"  21.5 \t\r", "  21.5", good},
		{"\x00\r21.5", "21.5", good},
		{"\r", "", blank},
		{"", "", blank},
		{"a\tb", "a\tb", good},
		{"\x1b[0;32mI (27) boot\x1b[0m", "\x1b[0;32mI (27) boot\x1b[0m", good},
		{"21\x0221", "", bad},
		{"\xfe\x9c\x80q", "", bad},
	} {
		frame, v := bare{end: '\n'}.decode([]byte(c.line))
		require.Equal(t, c.want, v, "%q", c.line)
		require.Equal(t, c.frame, string(frame), "%q", c.line)
	}
}

func TestLineText(t *testing.T) {
	for _, c := range []struct{ value, text string }{
		{`"on"`, "on"}, {`"two\r\nlines"`, "two  lines"}, {"21.5", "21.5"}, {"null", ""}, {"", ""},
		{`{"a":[1,2]}`, `{"a":[1,2]}`}, {"{\"a\":\n1}", `{"a": 1}`},
	} {
		require.Equal(t, c.text, lineText([]byte(c.value)), c.value)
	}
}

// slowly gives each piece after a pause.
type slowly struct {
	pause  time.Duration
	pieces []string
}

func (s *slowly) Read(p []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.pause)
	n := copy(p, s.pieces[0])
	s.pieces = s.pieces[1:]
	return n, nil
}

// TestFromLine checks that a line which may have begun before the port was opened is no
// value: half of 21.5 is 1.5.
func TestFromLine(t *testing.T) {
	for _, c := range []struct {
		name   string
		pause  time.Duration
		pieces []string
		want   string
		counts int
	}{
		{"in mid-line", time.Millisecond, []string{"1", ".5\n22.0\n"}, "22.0\n", 1},
		{"in mid-line, split", time.Millisecond, []string{"1.", "5", "\n", "22.0\n"}, "22.0\n", 1},
		{"at a line's end", time.Millisecond, []string{"\r\n22.0\n"}, "22.0\n", 0},
		{"after silence", time.Second, []string{"21.5\n", "22.0\n"}, "21.5\n22.0\n", 0},
		{"never a whole line", time.Millisecond, []string{"21.5"}, "", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			counts := 0
			r := &fromLine{from: &slowly{c.pause, c.pieces}, end: '\n', skip: func(why Reason, _ []byte) {
				if why == Partial {
					counts++
				}
			}}
			var got bytes.Buffer
			_, err := io.Copy(&got, onlyReader{r})
			require.NoError(t, err)
			require.Equal(t, c.want, got.String(), c.name)
			require.Equal(t, c.counts, counts, c.name)
		})
	}
}

type onlyReader struct{ io.Reader }

func FuzzBare(f *testing.F) {
	f.Add("21.5\n\xff\x00", 1)
	f.Fuzz(func(t *testing.T, s string, size int) {
		r := newReceiver(chunks(strings.NewReader(s), size), bare{end: '\n'}, func(Reason, []byte) {})
		for {
			line, _, err := r.recv()
			if err != nil {
				return
			}
			value, _ := lineValue(line)
			if !isObject(append(append([]byte(`{"data":`), value...), '}')) {
				t.Errorf("%q became %q, which is no JSON", line, value)
			}
		}
	})
}
