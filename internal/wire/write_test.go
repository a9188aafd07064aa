package wire

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/sigrouter/sigrouter/sig"
)

var refusal = &sig.Error{Status: sig.StatusRefused, Code: "refused", Message: "not\npermitted", Data: map[string]int{"a": 1}}

var refusalPlain = sig.Errorf(sig.ErrRefused, "not permitted")

// TestWriters checks the bytes of each message against docs/protocol.md.
func TestWriters(t *testing.T) {
	info := AppendSignalInfo(nil, "timer", "tic", false)
	for want, got := range map[string][]byte{
		`{"id":9,"method":"ping","params":{}}`:                                                                       AppendCall(nil, 9, "ping", nil),
		`{"id":23,"method":"request","params":{"sender":"timer","method":"interval","params":null}}`:                 AppendRequest(nil, 23, "timer", "interval", Cause{}, nil),
		`{"id":"23","status":0,"response":null}`:                                                                     AppendReply(nil, []byte(`"23"`), nil),
		`{"id":null,"status":0,"response":[1]}`:                                                                      AppendReply(nil, nil, []byte("[1]")),
		`{"id":"23","status":-2,"response":null,"exception":"text"}`:                                                 AppendFailure(nil, []byte(`"23"`), &sig.Error{Status: -2, Message: "text"}),
		`{"id":1,"status":-2,"response":null,"exception":"x","error":{"data":{"a":1}}}`:                              AppendFailure(nil, []byte("1"), &sig.Error{Message: "x", Data: json.RawMessage("{\"a\":\n1}")}),
		`{"id":1,"status":-2,"response":null,"exception":"x","error":{"code":"c"}}`:                                  AppendFailure(nil, []byte("1"), &sig.Error{Message: "x", Code: "c", Data: func() {}}),
		`{"sender":"timer","event":"tic","retained":true}`:                                                           AppendSignalInfo(nil, "timer", "tic", true),
		`{"n":1,"method":"signal","params":{"info":{"sender":"timer","event":"tic"},"data":42}}`:                     AppendSignal(nil, 1, nil, info, []byte("42")),
		`{"n":1,"method":"signal","params":{"listeners":[3,5],"info":{"sender":"timer","event":"tic"},"data":null}}`: AppendSignal(nil, 1, AppendListeners(nil, []uint32{3, 5}), info, nil),
		`{"id":3,"method":"signal","params":{"listener_id":"x","info":{"sender":"timer","event":"tic"},"data":1}}`:   AppendSignalCall(nil, 3, AppendListenerID(nil, []byte(`"x"`)), info, []byte("1")),
		`{"ack":17}`: AppendAck(nil, 17, false),
		`{"refused":17,"status":-5,"exception":"not permitted","error":{"code":"refused"}}`: AppendRefused(nil, 17, refusalPlain),
		`{"n":18,"gap":{"listeners":[3],"sender":"timer","event":"tic","count":12}}`:        AppendGap(nil, 18, []uint32{3}, "timer", "tic", 12),
		`{"n":18,"gap":{"listeners":[3,4],"count":2}}`:                                      AppendGap(nil, 18, []uint32{3, 4}, "", "", 2),
		`{"method":"cancel","params":{"id":23}}`:                                            AppendCancel(nil, 23),
		`{"method":"bye","params":{"reason":"text","retry_ms":350}}`:                        AppendBye(nil, "text", 350),
		`{"method":"bye","params":{"reason":"a\"b\n"}}`:                                     AppendBye(nil, "a\"b\n", -1),
		"\x81\x00\x00\x00\x14\x00\x00\x00\x00\x00\x00\x00\x01\x05timer\x03tic42":            AppendBinarySignalUp(nil, 1, AppendBinaryInfo(nil, "timer", "tic"), []byte("42")),
		"\x83\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x01\x02":                              AppendAck(nil, 258, true),
	} {
		if string(got) != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	// Names that no router lets through do not break the frame.
	long := strings.Repeat("n", 300)
	if n, err := Parse(AppendBinaryRequest(nil, 1, long, long, Cause{}, nil), nil, new(Msg)); n != 5+8+256+256 || err != nil {
		t.Errorf("a request with names too long: %d, %v", n, err)
	}
}

// FuzzRoundTrip writes messages of all kinds and reads them again.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint64(1), "timer", "tic", `{"a":1}`, int16(-5))
	f.Add(uint64(1<<53-1), "sen\u00f6r", "\"\\\x00\x7f\u2028", "[\n]", int16(0))
	f.Add(uint64(0), "\xff\xed\xa0\x80", "", "null", int16(3))
	f.Fuzz(func(t *testing.T, n uint64, sender, event, data string, status int16) {
		if !json.Valid([]byte(data)) || CheckJSON([]byte(data), 0) != nil {
			data = "{}"
		}
		data = strings.TrimSpace(data)
		sender, event = sender[:min(len(sender), sig.MaxName)], event[:min(len(event), sig.MaxName)]
		rt := roundTrip{t, n%(maxNumber-1) + 1, strings.ToValidUTF8(sender, "?"), strings.ToValidUTF8(event, "!"), []byte(data)}
		rt.text()
		rt.binary()
		rt.failures(&sig.Error{Status: sig.Status(status), Code: event, Message: sender, Data: json.RawMessage(data)})
		if got := unquote(AppendString(nil, sender)); got != string([]rune(sender)) {
			t.Fatalf("AppendString(%q) says %q", sender, got)
		}
	})
}

type roundTrip struct {
	t             *testing.T
	n             uint64
	sender, event string
	data          []byte
}

// read parses a frame that was written and checks the kind.
func (r *roundTrip) read(frame []byte, kind Kind) *Msg {
	r.t.Helper()
	var m Msg
	n, err := Parse(frame, nil, &m)
	if err != nil || n != len(frame) || m.Kind != kind {
		r.t.Fatalf("%q: read %d of %d bytes, kind %d, %v", frame, n, len(frame), m.Kind, err)
	}
	if frame[0] == '{' {
		r.asLine(frame, &m)
	}
	return &m
}

// asLine reads text once more, as of one who writes a message a line.
func (r *roundTrip) asLine(frame []byte, want *Msg) {
	r.t.Helper()
	if bytes.IndexByte(frame, '\n') >= 0 {
		r.t.Fatalf("%q is no line", frame)
	}
	line := append(append([]byte(nil), frame...), "\n{\n"...)
	var m Msg
	n, err := Parse(line, &Limits{OneLine: true}, &m)
	if err != nil || n != len(frame)+1 {
		r.t.Fatalf("%q: read %d of %d bytes, %v", line, n, len(frame)+1, err)
	}
	m.Newline = false
	if got, want := viewOf(&m), viewOf(want); got != want {
		r.t.Fatalf("%q as a line:\ngot  %+v\nwant %+v", line, got, want)
	}
}

func (r *roundTrip) same(what string, got, want any) {
	r.t.Helper()
	if b, ok := got.([]byte); ok {
		got = string(b)
	}
	if b, ok := want.([]byte); ok {
		want = string(b)
	}
	if got != want {
		r.t.Fatalf("%s is %q, written was %q", what, got, want)
	}
}

func (r *roundTrip) info(m *Msg, retained bool) {
	r.t.Helper()
	sender, event, kept, err := ParseInfo(m.Info, m.Binary)
	if err != nil {
		r.t.Fatalf("ParseInfo(%q): %v", m.Info, err)
	}
	r.same("sender", sender, r.sender)
	r.same("event", event, r.event)
	r.same("retained", kept || m.Retained, retained)
	r.same("data", m.Data, r.data)
}

func (r roundTrip) text() {
	if bytes.IndexByte(r.data, '\n') >= 0 {
		r.data = CompactNewlines(nil, r.data)
	}
	head := AppendTraceparent(AppendListeners(nil, []uint32{uint32(r.n), 7}), []byte("00-ab"))
	m := r.read(AppendSignal(nil, r.n, head, AppendSignalInfo(nil, r.sender, r.event, true), r.data), Signal)
	r.info(m, true)
	r.same("n", m.N, r.n)
	r.same("listener", m.Listeners[0], uint32(r.n))
	r.same("traceparent", m.Traceparent, "00-ab")

	m = r.read(AppendSignalCall(nil, r.n, AppendListenerID(nil, []byte(`"L3"`)), AppendSignalInfo(nil, r.sender, r.event, false), r.data), Call)
	r.info(m, false)
	r.same("id", m.Num, r.n)
	r.same("listener_id", m.ListenerID, `"L3"`)

	m = r.read(AppendRequest(nil, r.n, r.sender, r.event, Cause{}, r.data), Call)
	r.same("sender", m.Sender, r.sender)
	r.same("method", m.Target, r.event)
	r.same("params", m.Args, r.data)

	for _, c := range []Cause{{Traceparent: []byte("00-ab")}, {Hops: 16}, {Traceparent: []byte("00-ab"), Hops: math.MaxUint32}} {
		m = r.read(AppendRequest(nil, r.n, r.sender, r.event, c, r.data), Call)
		r.same("sender", m.Sender, r.sender)
		r.same("method", m.Target, r.event)
		r.same("traceparent", m.Traceparent, string(c.Traceparent))
		r.same("hops", m.Hops, c.Hops)
		r.same("params", m.Args, r.data)
	}

	m = r.read(AppendCall(nil, r.n, r.event, nil), Call)
	r.same("method", m.Method, r.event)
	r.same("params", m.Params, "{}")

	m = r.read(AppendReply(nil, []byte(`"x"`), r.data), Reply)
	r.same("response", m.Response, r.data)
	r.same("n", r.read(AppendAck(nil, r.n, false), Ack).N, r.n)

	m = r.read(AppendGap(nil, r.n, []uint32{1, 2}, r.sender, r.event, r.n), Gap)
	r.same("sender", m.GapSender, r.sender)
	r.same("event", m.GapEvent, r.event)
	r.same("count", m.Count, r.n)

	m = r.read(AppendCancel(nil, r.n), Call)
	r.same("method", m.Method, "cancel")
	r.read(AppendBye(nil, r.sender, 350), Call)
}

func (r *roundTrip) binary() {
	info := AppendBinaryInfo(nil, r.sender, r.event)
	m := r.read(AppendBinarySignalUp(nil, r.n, info, r.data), Signal)
	r.info(m, false)
	r.same("n", m.N, r.n)
	m = r.read(AppendBinarySignalDown(nil, r.n, FlagRetained, AppendBinaryListeners(nil, []uint32{9}), info, r.data), Signal)
	r.info(m, true)
	r.same("listeners", len(m.Listeners), 1)
	for _, c := range []Cause{{}, {Traceparent: []byte("00-ab")}, {Hops: 16}, {Traceparent: []byte("00-ab"), Hops: math.MaxUint32}} {
		m = r.read(AppendBinaryRequest(nil, r.n, r.sender, r.event, c, r.data), Call)
		r.same("sender", m.Sender, r.sender)
		r.same("method", m.Target, r.event)
		r.same("traceparent", m.Traceparent, string(c.Traceparent))
		r.same("hops", m.Hops, c.Hops)
		r.same("params", m.Args, r.data)
	}
	r.same("response", r.read(AppendBinaryReply(nil, r.n, r.data), Reply).Response, r.data)
	r.same("n", r.read(AppendAck(nil, r.n, true), Ack).N, r.n)
}

func (r *roundTrip) failures(e *sig.Error) {
	for _, m := range []*Msg{
		r.read(AppendFailure(nil, AppendID(nil, r.n), e), Reply),
		r.read(AppendBinaryFailure(nil, r.n, e), Reply),
		r.read(AppendRefused(nil, r.n, e), Refused),
	} {
		want := e.Status
		if want == 0 {
			want = sig.StatusFailed
		}
		r.same("status", sig.Status(m.Status), want)
		r.same("code", m.Code, string([]rune(e.Code)))
		r.same("exception", m.Exception, string([]rune(e.Error())))
		r.same("breaks", m.DataBreaks, false)
		if m.ErrData == nil {
			r.t.Fatalf("data %s of the error is gone", e.Data)
		}
	}
}
