package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/sigrouter/sigrouter/sig"
)

func mustParse(t *testing.T, text string) *Msg {
	t.Helper()
	var m Msg
	n, err := Parse([]byte(text), nil, &m)
	if err != nil || n != len(text) {
		t.Fatalf("Parse(%q) = %d, %v; want %d, nil", text, n, err, len(text))
	}
	return &m
}

// envelope is a signal of 265 bytes with 128 bytes of data, as in the measurements
// that this package has to keep up with.
func envelope() []byte {
	data := `{"seq":1234567890,"sensor":"temp-01","value":21.375,"unit":"C","ok":true,"note":"`
	data += strings.Repeat("x", 128-len(data)-2) + `"}`
	s := `{"id":12345,"method":"signal","params":{"listener_id":47,"info":{"sender":"sensors.cellar.temperature","event":"tick-`
	s2 := `"},"data":` + data + `}}`
	return []byte(s + strings.Repeat("k", 265-len(s)-len(s2)) + s2)
}

func TestKinds(t *testing.T) {
	m := mustParse(t, `{"n":3,"method":"signal","params":{"listeners":[3,5],"info":{"sender":"timer","event":"tic"},"data":42}}`)
	if m.Kind != Signal || m.N != 3 || string(m.Data) != "42" || len(m.Listeners) != 2 || m.Listeners[1] != 5 {
		t.Errorf("signal: %+v", m)
	}
	m = mustParse(t, `{"id": "23", "method": "request", "params": {"params": [1], "method": "g\u0065t", "sender": "x"}}`)
	if m.Kind != Call || string(m.Sender) != "x" || string(m.Target) != "get" || string(m.Args) != "[1]" || string(m.ID) != `"23"` {
		t.Errorf("request: %+v", m)
	}
	m = mustParse(t, `{"refused":17,"status":-5,"exception":"text","error":{"code":"refused"}}`)
	if m.Kind != Refused || m.N != 17 || m.Status != -5 || m.Code != "refused" || m.Exception != "text" {
		t.Errorf("refused: %+v", m)
	}
}

func TestRefusals(t *testing.T) {
	for text, kind := range map[string]*sig.Error{
		`[]`:                              sig.ErrMalformed,
		"POST / HTTP":                     sig.ErrMalformed,
		`{"id":1,"id":2}`:                 sig.ErrMalformed,
		`{"id":{}}`:                       sig.ErrMalformed,
		`{"a":NaN}`:                       sig.ErrMalformed,
		"{\"a\":\"\xff\"}":                sig.ErrMalformed,
		`{"a":` + strings.Repeat("[", 65): sig.ErrLimit,
	} {
		var m Msg
		_, err := Parse([]byte(text), nil, &m)
		if !errors.Is(err, kind) {
			t.Errorf("Parse(%q): %v, want %v", text, err, kind)
		}
	}
}

func TestPrefixes(t *testing.T) {
	full := envelope()
	for i := range full {
		var m Msg
		if _, err := Parse(full[:i], nil, &m); err != ErrShort {
			t.Fatalf("%q: %v", full[:i], err)
		}
		var s Splitter
		for j := range i {
			if n, err := s.Scan(full[:j], 0); n != 0 || err != nil {
				t.Fatalf("%q: %d %v", full[:j], n, err)
			}
		}
	}
}

func BenchmarkParse(b *testing.B) {
	buf := envelope()
	var m Msg
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(buf, nil, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSplitter(b *testing.B) {
	buf := envelope()
	var s Splitter
	for b.Loop() {
		s.Reset()
		if n, err := s.Scan(buf, 0); err != nil || n != len(buf) {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkParseAny(b *testing.B) {
	buf := bytes.Replace(envelope(), []byte(`"data":`), []byte(`"data": `), 1)
	var m Msg
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(buf, nil, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStd(b *testing.B) {
	buf := envelope()
	b.ReportAllocs()
	for b.Loop() {
		var e struct {
			ID     json.RawMessage
			Method string
			Params struct {
				ListenerID json.RawMessage `json:"listener_id"`
				Info       json.RawMessage
				Data       json.RawMessage
			}
		}
		if err := json.Unmarshal(buf, &e); err != nil {
			b.Fatal(err)
		}
	}
}
