package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sigrouter/sigrouter/sig"
)

// What messages mean is in testdata/wire; here is what only Go programs see.

func parse(t *testing.T, text string, lim *Limits) (*Msg, int, error) {
	t.Helper()
	m := new(Msg)
	n, err := Parse([]byte(text), lim, m)
	return m, n, err
}

func TestNewline(t *testing.T) {
	for _, c := range []struct {
		in      string
		n       int
		newline bool
	}{
		{`{}`, 2, false},
		{"{}\n", 3, true},
		{"{} \t\r\n", 6, true},
		{"{}\n\n", 3, true},
		{"{} \r", 4, false},
		{"{} {}", 3, false},
		{"{}{}\n", 2, false},
		{"\n{}", 3, false},
	} {
		m, n, err := parse(t, c.in, nil)
		if n != c.n || err != nil || m.Newline != c.newline {
			t.Errorf("Parse(%q) = %d, %v, Newline %v; want %d, nil, %v", c.in, n, err, m.Newline, c.n, c.newline)
		}
	}
}

func TestShortGivesWhiteSpace(t *testing.T) {
	for in, want := range map[string]int{"": 0, " \r\n\t": 4, " {": 1, "\n\n{\"id\":1": 2} {
		if _, n, err := parse(t, in, nil); n != want || err != ErrShort {
			t.Errorf("Parse(%q) = %d, %v; want %d, ErrShort", in, n, err, want)
		}
	}
}

func TestDataBreaks(t *testing.T) {
	for in, want := range map[string]bool{
		"{\"method\":\"signal\",\"params\":{\"data\":[1,\n2]}}":                               true,
		"{\"method\":\"signal\",\"params\":{\"data\":[1,\r2]}}":                               true,
		"{\"method\":\"signal\",\"params\":{\n\"data\":[1, 2]\n}\n}":                          false,
		"{\"method\":\"signal\",\"params\":{\"data\":\n[1,2]\n,\"info\":{\n}}}":               false,
		"{\"method\":\"signal\",\"params\":{\"data\":\"\\n\"}}":                               false,
		"{\"n\":1,\"method\":\"signal\",\"params\":{\"info\":{},\"data\":{\"a\":\n1}}}":       true,
		"{\"method\":\"signal\",\"params\":{\"data\":1,\"params\":[\n]}}":                     false,
		"{\"method\":\"request\",\"params\":{\"params\":[\n]}}":                               true,
		"{\"id\":1,\"status\":0,\"response\":[\n]}":                                           true,
		"{\"id\":1,\"status\":-2,\"response\":null,\"error\":{\"code\":\"x\",\"data\":[\n]}}": true,
		"{\"id\":1,\"method\":\"hello\",\"params\":{\n\"version\":1}}":                        false,
	} {
		if m, _, err := parse(t, in, nil); err != nil || m.DataBreaks != want {
			t.Errorf("Parse(%q): %v, DataBreaks %v; want %v", in, err, m.DataBreaks, want)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		in   string
		lim  Limits
		kind *sig.Error // nil: accepted
	}{
		{`{"id":1}`, Limits{MaxMessage: 8}, nil},
		{"  {\"id\":1}  \n", Limits{MaxMessage: 8}, nil},
		{`{"id":1}`, Limits{MaxMessage: 7}, sig.ErrLimit},
		{`{"id":1`, Limits{MaxMessage: 7}, errShortKind},
		{`{"id":12`, Limits{MaxMessage: 7}, sig.ErrLimit},
		{`{"x":[[1]]}`, Limits{MaxDepth: 2}, nil},
		{`{"x":[[[1]]]}`, Limits{MaxDepth: 2}, sig.ErrLimit},
		{`{"x":[[[`, Limits{MaxDepth: 2}, sig.ErrLimit},
		{`{"method":"signal","params":{"data":[[]]}}`, Limits{MaxDepth: 2}, nil},
		{`{"method":"signal","params":{"data":[[[]]]}}`, Limits{MaxDepth: 2}, sig.ErrLimit},
		{`{"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, Limits{MaxDepth: 1000}, nil},
		{`{"x":` + strings.Repeat("[", 1025), Limits{MaxDepth: 1 << 30}, sig.ErrLimit},
		{`{"id":1,"method":"x","params":{"a":[1,2,3]}}`, Limits{MaxValues: 6}, nil},
		{`{"id":1,"method":"x","params":{"a":[1,2,3]}}`, Limits{MaxValues: 5}, sig.ErrLimit},
		{`{"id":1,"method":"signal","params":{"data":[1,2,3,4,5,6,7,8]}}`, Limits{MaxValues: 2}, nil},
		{`{"n":1,"method":"signal","params":{"listeners":[1,2,3],"info":{"sender":"a"},"data":1}}`, Limits{MaxValues: 8}, nil},
		{`{"n":1,"method":"signal","params":{"listeners":[1,2,3],"info":{"sender":"a"},"data":1}}`, Limits{MaxValues: 7}, sig.ErrLimit},
		{"\x83\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01", Limits{MaxMessage: 13}, nil},
		{"\x83\x00\x00\x00\x08", Limits{MaxMessage: 12}, sig.ErrLimit},
	} {
		_, _, err := parse(t, c.in, &c.lim)
		if c.kind == errShortKind {
			if err != ErrShort {
				t.Errorf("Parse(%.50q, %+v): %v; want ErrShort", c.in, c.lim, err)
			}
			continue
		}
		if (err == nil) != (c.kind == nil) || err != nil && !errors.Is(err, c.kind) {
			t.Errorf("Parse(%.50q, %+v): %v; want kind %v", c.in, c.lim, err, c.kind)
		}
	}
}

// errShortKind stands for ErrShort in tables of kinds.
var errShortKind = &sig.Error{}

// TestBigKindsOfContainers checks brackets around the edges of the words that the
// scanner and the splitter keep their kinds in.
func TestBigKindsOfContainers(t *testing.T) {
	for depth := 60; depth < 200; depth++ {
		var b, end []byte
		for i := range depth {
			if i%3 == 0 || i%64 == 1 {
				b, end = append(b, '['), append(end, ']')
			} else {
				b, end = append(b, `{"":`...), append(end, '}')
			}
		}
		for i := range end {
			if i < len(end)/2 {
				end[i], end[len(end)-1-i] = end[len(end)-1-i], end[i]
			}
		}
		in := append(append(append([]byte(`{"x":`), b...), '0'), end...)
		in = append(in, '}')
		lim := Limits{MaxDepth: 300}
		if n, err := Parse(in, &lim, new(Msg)); n != len(in) || err != nil {
			t.Fatalf("depth %d: %d, %v", depth, n, err)
		}
		if n, err := new(Splitter).Scan(in, 0); n != len(in) || err != nil {
			t.Fatalf("Splitter at depth %d: %d, %v", depth, n, err)
		}
		for i := len(in) - len(end) - 1; i < len(in); i++ {
			bad := bytes.Clone(in)
			bad[i] ^= ']' ^ '}'
			if in[i] == '0' {
				continue
			}
			if _, err := Parse(bad, &lim, new(Msg)); !errors.Is(err, sig.ErrMalformed) {
				t.Fatalf("depth %d, bracket %d wrong: %v", depth, i, err)
			}
			if _, err := new(Splitter).Scan(bad, 0); !errors.Is(err, sig.ErrMalformed) {
				t.Fatalf("Splitter at depth %d, bracket %d wrong: %v", depth, i, err)
			}
		}
	}
}

// TestErrors checks that texts say what is wrong and where, and how errors look to
// callers.
func TestErrors(t *testing.T) {
	for in, want := range map[string]string{
		"POST /":               `a message is one JSON object; it cannot begin with 'P'`,
		"\xef\xbb\xbf{}":       `a message is one JSON object; it cannot begin with a byte order mark`,
		"\x00":                 `a message is one JSON object; it cannot begin with 0x00`,
		` {"a":NaN}`:           `not JSON: byte 5 begins NaN, which JSON does not have; send null or a string instead`,
		`{"a":-Infinity}`:      `not JSON: byte 5 begins Infinity, which JSON does not have; send null or a string instead`,
		"{\"a\":\"x\ty\"}":     `not JSON: byte 7 is the control character 0x09 inside a string; write it as \u0009`,
		"{\"a\":\"x\xff\"}":    `not UTF-8: byte 7 is 0xff, which cannot stand there`,
		`{"a":"\x"}`:           `not JSON: byte 6 begins no valid escape`,
		`{"a":1;}`:             `not JSON: byte 6 is ';', expected ',' or '}'`,
		`{"a":[1}`:             `not JSON: byte 7 is '}', expected ',' or ']'`,
		`{"a" 1}`:              `not JSON: byte 5 is '1', expected ':'`,
		`{"a":1,}`:             `not JSON: byte 7 is '}', expected a member's name in quotes`,
		`{"a":truf}`:           `not JSON: byte 8 is 'f', expected true`,
		`{"a":-x}`:             `not JSON: byte 6 is 'x', expected a digit`,
		`{"id":1,"id":2}`:      `member "id" is given twice`,
		`{"id":[]}`:            `id is neither a string nor a number`,
		`{"ack":1.5}`:          `ack is not a whole number from 0 to 2^53-1`,
		`{"id":1,"method":[]}`: `method is not a string`,
		"\x88":                 `0x88 begins no binary frame that is known`,
	} {
		_, _, err := parse(t, in, nil)
		if err == nil || err.Error() != want {
			t.Errorf("Parse(%q): %v\nwant %s", in, err, want)
		}
		if e := sig.AsError(err); err != nil && (e.Status != sig.StatusMalformed || e.Code != "malformed" || e.Message != want) {
			t.Errorf("Parse(%q): to the far side it is %+v", in, e)
		}
	}
	_, _, err := parse(t, `{"a":"`+strings.Repeat("x", 100), &Limits{MaxMessage: 50})
	if e := sig.AsError(err); e.Status != sig.StatusLimit || e.Message != "message longer than 50 bytes (limit MaxMessage)" {
		t.Errorf("too long: %+v", e)
	}
}

// TestEveryByteInStrings checks which bytes may stand in a string as they are, at each
// place in the words that the scanner looks at.
func TestEveryByteInStrings(t *testing.T) {
	for c := range 256 {
		if c == '"' || c == '\\' {
			continue
		}
		for at := range 10 {
			in := []byte(`{"xxxxxxxxxx":"xxxxxxxxxx"}`)
			in[2+at] = byte(c)
			in[15+at] = byte(c)
			ok := c >= ' ' && c < 0x80
			if _, err := Parse(in, nil, new(Msg)); (err == nil) != ok {
				t.Errorf("byte 0x%02x at %d: %v", c, at, err)
			}
			end, err := new(Splitter).Scan(in, 0)
			if ok := c >= ' '; ok != (err == nil && end == len(in)) {
				t.Errorf("Splitter: byte 0x%02x at %d: %d, %v", c, at, end, err)
			}
		}
	}
}

// TestRefusedKeepsKind checks that a refused reply can be told from a refused call, so
// that it is not answered, and a refused signal by its number.
func TestRefusedKeepsKind(t *testing.T) {
	for in, want := range map[string]Msg{
		`{"id":1,"status":"0"}`:                                  {Kind: Reply},
		`{"id":1,"status":0,"error":5}`:                          {Kind: Reply},
		`{"id":1,"method":"x","method":"x"}`:                     {Kind: Call},
		`{"id":1,"method":5}`:                                    {Kind: Call},
		`{"n":7,"method":"signal","params":{"listeners":[-1]}}`:  {Kind: Signal, N: 7},
		`{"n":7,"method":"signal","params":{"data":1,"data":1}}`: {Kind: Signal, N: 7},
		`{"refused":7,"status":""}`:                              {Kind: Refused, N: 7},
	} {
		m, n, err := parse(t, in, nil)
		if !errors.Is(err, sig.ErrMalformed) || n != len(in) || m.Kind != want.Kind || m.N != want.N {
			t.Errorf("Parse(%q) = %d, %v; kind %d, n %d; want all of it malformed, kind %d, n %d", in, n, err, m.Kind, m.N, want.Kind, want.N)
		}
	}
}

// TestErrorIDIsCopied checks that an error can outlive the bytes it is about.
func TestErrorIDIsCopied(t *testing.T) {
	in := []byte(`{"id":"abc","a":NaN}`)
	_, err := Parse(in, nil, new(Msg))
	clear(in)
	var e *Error
	if !errors.As(err, &e) || string(e.ID) != `"abc"` {
		t.Errorf("got %v with id %q", err, e.ID)
	}
}

// TestSlicesPointIntoFrame checks that nothing is copied that need not be.
func TestSlicesPointIntoFrame(t *testing.T) {
	in := []byte(`{"id":"abc","method":"request","params":{"sender":"timer","method":"get","params":{"a":1}}}`)
	var m Msg
	if _, err := Parse(in, nil, &m); err != nil {
		t.Fatal(err)
	}
	for i := range in {
		in[i] = 'x'
	}
	for _, b := range [][]byte{m.ID, m.Method, m.Sender, m.Target, m.Args, m.Params} {
		if len(b) == 0 || len(bytes.Trim(b, "x")) != 0 {
			t.Errorf("%q is a copy", b)
		}
	}
}

func TestParseInfo(t *testing.T) {
	long := strings.Repeat("n", 255)
	for _, c := range []struct {
		in, sender, event string
		retained          bool
		err               *sig.Error
	}{
		{in: `{"sender":"a","event":"b"}`, sender: "a", event: "b"},
		{in: " {\n\"event\" : \"b\", \"x\":[{}], \"sender\":\"\\u00e9\\n\"} ", sender: "\u00e9\n", event: "b"},
		{in: `{"sender":"a","event":"b","retained":true}`, sender: "a", event: "b", retained: true},
		{in: `{"sender":"a","event":"b","retained":false}`, sender: "a", event: "b"},
		{in: `{"sender":"a","event":"b","retained":null}`, sender: "a", event: "b"},
		{in: `{"sender":"","event":"` + long + `"}`, event: long},
		{in: ``, err: sig.ErrInvalid},
		{in: `[]`, err: sig.ErrInvalid},
		{in: `"timer"`, err: sig.ErrInvalid},
		{in: `{}`, err: sig.ErrInvalid},
		{in: `{"sender":"a"}`, err: sig.ErrInvalid},
		{in: `{"sender":null,"event":"b"}`, err: sig.ErrInvalid},
		{in: `{"sender":"a","event":5}`, err: sig.ErrInvalid},
		{in: `{"sender":"a","event":"b","retained":1}`, err: sig.ErrInvalid},
		{in: `{"sender":"a","event":"b","sender":"a"}`, err: sig.ErrMalformed},
		{in: `{"sender":"a","event":"\ud800"}`, err: sig.ErrMalformed},
		{in: `{"sender":"a","event":"b"}x`, err: sig.ErrMalformed},
		{in: `{"sender":"a","event":"b"`, err: sig.ErrMalformed},
	} {
		sender, event, retained, err := ParseInfo([]byte(c.in), false)
		if sender != c.sender || event != c.event || retained != c.retained || (err == nil) != (c.err == nil) || err != nil && !errors.Is(err, c.err) {
			t.Errorf("ParseInfo(%.60q) = %.20q, %.20q, %v, %v; want %.20q, %.20q, %v, %v", c.in, sender, event, retained, err, c.sender, c.event, c.retained, c.err)
		}
	}
	for in, ok := range map[string]bool{
		"\x01a\x01b": true, "\x00\x00": true, "\x01a\x01b ": false, "\x01a": false, "": false, "\x01a\x02b": false, "\x01\xff\x01b": false, "\x05a": false,
		"\xff" + long + "\xff" + long: true,
	} {
		if _, _, _, err := ParseInfo([]byte(in), true); (err == nil) != ok || err != nil && !errors.Is(err, sig.ErrMalformed) {
			t.Errorf("ParseInfo(%.20q) of a binary frame: %v", in, err)
		}
	}
}

func TestCheckJSON(t *testing.T) {
	for in, want := range map[string]string{
		` {"a":[1]} `: "",
		"12":          "",
		"\"\\ud800\"": "",
		"":            "not JSON: it ends too early, after 0 bytes",
		"[1":          "not JSON: it ends too early, after 2 bytes",
		"1 2":         "not JSON: byte 2 is '2', after the end of the value",
		"NaN":         "not JSON: byte 0 begins NaN, which JSON does not have; send null or a string instead",
		"[[[[]]]]":    "nested deeper than 3 levels (limit MaxDepth)",
	} {
		err := CheckJSON([]byte(in), 3)
		if got := fmt.Sprint(err); got != want && (err != nil || want != "") {
			t.Errorf("CheckJSON(%q): %v; want %s", in, err, want)
		}
	}
}

func TestCompactNewlines(t *testing.T) {
	same := []byte(`{"a": "x\ny"}`)
	if got := CompactNewlines(nil, same); &got[0] != &same[0] {
		t.Error("data without line breaks were copied")
	}
	if got := CompactNewlines([]byte("x"), same); string(got) != "x"+string(same) {
		t.Errorf("appended to x it is %q", got)
	}
	if got := CompactNewlines(nil, []byte("[1,\r2]")); string(got) != "[1,2]" {
		t.Errorf("got %q", got)
	}
	if got := CompactNewlines(nil, []byte("{\r\n \"a\":\n1\r}\n")); string(got) != `{ "a":1}` {
		t.Errorf("got %q", got)
	}
}

// One who says that a message is one line is taken at its word: of what it writes otherwise
// as much is read as of anybody's.
func TestOneLine(t *testing.T) {
	lim := &Limits{OneLine: true}
	for text, data := range map[string]string{
		`{"n":1,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":[1,2]}}` + "\n{":   "[1,2]",
		`{"n":1,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":{"a":{}}}}` + "\n": `{"a":{}}`,
		`{"n":1,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":[1}}` + "\n":       "[1", // at its word
		`{"n":1,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":[1,2]}}`:           "[1,2]",
		`{"n":1,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":[1,` + "\n2]}}\n":  "[1,\n2]",
		`{"n":1,"method":"signal","params":{"data":[1,2],"info":{"sender":"s","event":"e"}}}` + "\n":    "[1,2]",
		`{"n":1, "method":"signal","params":{"info":{"sender":"s","event":"e"},"data":7}}` + "\n":       "7",
	} {
		if m, _, err := parse(t, text, lim); err != nil || string(m.Data) != data {
			t.Errorf("%q: data is %q, %v", text, m.Data, err)
		}
	}
	framed := &Limits{OneLine: true, Framed: true}
	for text, data := range map[string]string{
		`{"n":1,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":[1,2]}}`:        "[1,2]",
		`{"n":1,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":[1}}`:           "[1", // at its word
		`{"n":1,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":[1,2]}}` + "\n": "[1,2]",
		`{"n":1,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":[1,2]}} `:       "[1,2]",
	} {
		if m, _, err := parse(t, text, framed); err != nil || string(m.Data) != data {
			t.Errorf("%q: data is %q, %v", text, m.Data, err)
		}
	}
	var m Msg
	for _, part := range []string{`{"n":1,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":[1,2`, `{"id":1,"status":0,"response":`} {
		if _, err := Parse([]byte(part), lim, &m); err != ErrShort {
			t.Errorf("%q: %v", part, err)
		}
	}
}
