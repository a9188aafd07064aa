package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/sigrouter/sigrouter/sig"
)

// The files under testdata/wire are for clients in any language; their README says
// what they mean.

// A vector is one entry of accept.json or refuse.json.
type vector struct {
	Name string
	Text parts
	Hex  string

	Means  meanings    // of accept.json
	Status *sig.Status // of refuse.json, as are the rest
	ID     parts
	Stream string
}

// parts is a text written as it is, or as a list of texts and repetitions.
type parts string

func (p *parts) UnmarshalJSON(b []byte) error {
	var whole string
	if json.Unmarshal(b, &whole) == nil {
		*p = parts(whole)
		return nil
	}
	var list []json.RawMessage
	if err := strict(b, &list); err != nil {
		return err
	}
	var out strings.Builder
	for _, raw := range list {
		var r struct {
			Repeat string
			Times  int
		}
		if json.Unmarshal(raw, &whole) == nil {
			r.Repeat, r.Times = whole, 1
		} else if err := strict(raw, &r); err != nil {
			return err
		}
		out.WriteString(strings.Repeat(r.Repeat, r.Times))
	}
	*p = parts(out.String())
	return nil
}

// strict refuses members that the test would silently pass over.
func strict(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

// A vectorMeaning says what one message means. Nil stands for absent.
type vectorMeaning struct {
	Kind        string
	Binary      bool
	ID          *parts
	N           uint64
	Method      *string
	Params      *parts
	ParamsBad   bool `json:"params_bad"`
	Info        *vectorInfo
	Listeners   []uint32
	ListenerID  *parts `json:"listener_id"`
	Data        *parts
	Traceparent *string
	Hops        uint32
	Sender      *string
	Target      *string
	Args        *parts
	Status      int
	Response    *parts
	Exception   string
	Code        string
	ErrorData   *parts `json:"error_data"`
	Gap         *vectorGap
}

type vectorInfo struct {
	Sender, Event string
	Retained      bool
}

type vectorGap struct {
	Listeners     []uint32
	Sender, Event string
	Count         uint64
}

type meanings []vectorMeaning

func (m *meanings) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return strict(b, (*[]vectorMeaning)(m))
	}
	*m = make(meanings, 1)
	return strict(b, &(*m)[0])
}

func (v *vector) bytes(t *testing.T) []byte {
	t.Helper()
	if v.Hex == "" {
		return []byte(v.Text)
	}
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func vectors(t *testing.T, file string) []vector {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../testdata/wire", file))
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := strict(b, &all); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return all
}

var kindNames = map[Kind]string{Call: "call", Reply: "reply", Signal: "signal", Ack: "ack", Refused: "refused", Gap: "gap"}

func text[T ~string](b []byte) *T {
	if b == nil {
		return nil
	}
	s := T(b)
	return &s
}

// meaningOf says what m means in the words of the vectors.
func meaningOf(t *testing.T, m *Msg) vectorMeaning {
	t.Helper()
	payload := func(b []byte, here bool) *parts {
		if b == nil && m.Binary && here {
			b = []byte("null")
		}
		return text[parts](CompactNewlines(nil, b))
	}
	out := vectorMeaning{
		Kind: kindNames[m.Kind], Binary: m.Binary, ID: text[parts](m.ID), N: m.N, Method: text[string](m.Method),
		ParamsBad: m.ParamsBad, Listeners: m.Listeners, ListenerID: text[parts](m.ListenerID),
		Traceparent: text[string](m.Traceparent), Hops: m.Hops, Sender: text[string](m.Sender), Target: text[string](m.Target),
		Status: m.Status, Exception: m.Exception, Code: m.Code, ErrorData: payload(m.ErrData, false),
	}
	if m.Binary && m.HasNum {
		out.ID = text[parts](AppendID(nil, m.Num))
	}
	switch method := string(m.Method); {
	case method == "signal":
		out.Data = payload(m.Data, true)
		sender, event, retained, err := ParseInfo(m.Info, m.Binary)
		if err != nil {
			t.Errorf("ParseInfo(%q): %v", m.Info, err)
		}
		out.Info = &vectorInfo{sender, event, retained || m.Retained}
	case method == "request":
		out.Args = payload(m.Args, true)
	case m.Kind == Call:
		out.Params = text[parts](m.Params)
	case m.Kind == Reply:
		out.Response = payload(m.Response, m.Status == 0)
	case m.Kind == Gap:
		out.Gap = &vectorGap{m.Listeners, m.GapSender, m.GapEvent, m.Count}
		out.Listeners = nil
	}
	return out
}

func TestAcceptVectors(t *testing.T) {
	var m Msg
	for _, v := range vectors(t, "accept.json") {
		t.Run(v.Name, func(t *testing.T) {
			rest := v.bytes(t)
			for _, want := range v.Means {
				n, err := Parse(rest, nil, &m)
				if err != nil {
					t.Fatalf("Parse(%q): %v", rest, err)
				}
				if got := meaningOf(t, &m); !reflect.DeepEqual(got, want) {
					t.Errorf("Parse(%q)\nsays %s\nwant %s", rest[:n], asJSON(got), asJSON(want))
				}
				checkPrefixes(t, rest[:n], n)
				rest = rest[n:]
			}
			if len(bytes.TrimSpace(rest)) != 0 {
				t.Errorf("%q is left over", rest)
			}
		})
	}
}

func asJSON(v any) []byte { return must(json.Marshal(v)) }

// checkPrefixes checks that half a message is neither taken nor refused, by Parse and
// by a Splitter that sees it grow.
func checkPrefixes(t *testing.T, whole []byte, n int) {
	t.Helper()
	end := n
	if whole[0] < binFirst {
		end = len(bytes.TrimRight(whole, " \t\r\n"))
	}
	var m Msg
	var s Splitter
	for k := range end {
		if k > 600 && k%97 != 0 {
			continue
		}
		if got, err := Parse(whole[:k], nil, &m); err != ErrShort {
			t.Fatalf("Parse of the first %d bytes of %q: %d, %v; want ErrShort", k, whole, got, err)
		}
		if got, err := s.Scan(whole[:k], 0); got != 0 || err != nil {
			t.Fatalf("Scan of the first %d bytes of %q: %d, %v; want 0, nil", k, whole, got, err)
		}
	}
	if got, err := s.Scan(whole, 0); got != end || err != nil {
		t.Fatalf("Scan(%q): %d, %v; want %d, nil", whole, got, err, end)
	}
}

func TestRefuseVectors(t *testing.T) {
	var m Msg
	for _, v := range vectors(t, "refuse.json") {
		t.Run(v.Name, func(t *testing.T) {
			in := v.bytes(t)
			n, err := Parse(in, nil, &m)
			if err == nil && m.Info != nil {
				_, _, _, err = ParseInfo(m.Info, m.Binary)
				err = withID(err, &m)
			}
			var e *Error
			if !errors.As(err, &e) || e.Kind.Status != *v.Status {
				t.Fatalf("Parse: %v; want status %d", err, *v.Status)
			}
			if v.ID != "" && string(e.ID) != string(v.ID) {
				t.Errorf("the error's id is %q, want %q", e.ID, v.ID)
			}
			if goesOn := v.Stream == "goes on"; goesOn != (n > 0) || n > 0 && n != len(in) {
				t.Errorf("Parse used up %d of %d bytes; the stream %s", n, len(in), v.Stream)
			}
			if e.Text == "" || strings.Contains(e.Text, "%!") {
				t.Errorf("the error's text is %q", e.Text)
			}
		})
	}
}

func withID(err error, m *Msg) error {
	var e *Error
	if errors.As(err, &e) {
		m.withID(e)
	}
	return err
}
