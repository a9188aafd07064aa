package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"
)

// seeds are messages of every kind and shape, and a few that are none.
var seeds = []string{
	`{"id":"23","method":"add_sender","params":{"sender":"lorem","events":["ipsum"],"requests":["get",null]}}`,
	`{"id": 7, "method": "signal", "params": {"listener_id": 140245, "info": {"sender": "timer", "event": "tic"}, "data": {"a": [1, 2.5e-3, "\u00e9\ud83d\ude00", null, true]}}}`,
	`{"method":"signal","id":1,"params":{"data":[[[[[1]]]]],"info":{"sender":"a","event":"b","retained":true}}}` + "\n",
	`{"n":1,"method":"signal","params":{"info":{"sender":"timer","event":"tic"},"data":42}}`,
	`{"n":9007199254740991,"method":"signal","params":{"listeners":[3,5],"traceparent":"00-ab-cd-01","info":{"sender":"timer","event":"tic"},"data":null}}`,
	`{"n":2,"method":"signal","params":{"info":{"sender":"timer","event":"tic"},"data":"x","traceparent":"00"}}`,
	`{"id":3,"method":"request","params":{"sender":"timer","method":"interval","traceparent":"00-ab-cd-01","params":[1]}}`,
	`{"id":3,"method":"request","params":{"sender":"timer","method":"interval","traceparent":"00-ab-cd-01","hops":16,"params":[1]}}`,
	`{"n":3,"method":"signal","params":{"info":{"sender":"timer","event":"tic"},"hops":3,"data":1}}`,
	`{"id":4,"method":"request","params":{"sender":"timer","method":"interval","params":{"x":-0.0}}}`,
	`{"id":4,"method":"request","params":{"sender":"ti\u006der","method":"\ud800","params":[
1]}}`,
	`{"id":4,"status":0,"response":{"listener_id":17}}`,
	`{"id":"\ud800","status":0,"response":"\ud800"}`,
	`{"id":4,"status":-2,"response":null,"exception":"no\nway","error":{"code":"limit","data":[1,{}]}}`,
	`{"ack":17}`, `{"ack":0}`, `{"ack":-1}`,
	`{"refused":17,"status":-5,"exception":"text","error":{"code":"refused"}}`,
	`{"n":18,"gap":{"listeners":[3],"sender":"timer","event":"tic","count":12}}`,
	`{"method":"cancel","params":{"id":23}}`, `{"method":"bye","params":{"reason":"text","retry_ms":350}}`,
	`{"id":1,"method":"hello","params":{"version":1,"codecs":["json"],"resume":{"session":"s","epoch":"e","last":17}}}`,
	`{"\u0069d":1,"\u006d\u0065\u0074\u0068\u006f\u0064":"ping","ID":2}`,
	`{"id":1,"id":1}`, `{"id":{}}`, `{"id":1,"status":"0"}`, `{"id":1,"status":null,"method":"ping","params":[]}`,
	`{}`, `{"id":null}`, `[]`, `"x"`, "\x00{}", "\xef\xbb\xbf{}", "POST / HTTP/1.1\r\n", " \t\r\n{ }\r\n ",
	`{"a":NaN}`, `{"a":-Infinity}`, `{"a":01}`, `{"a":1.}`, `{"a":1,}`, "{\"a\":\"\xff\"}", "{\"a\":\"\x01\"}", `{"a":"\x"}`,
	"{\n \"id\" : 1 ,\n \"method\" : \"signal\" , \"params\" : { \"data\" : [ 1 ,\n 2 ] } }\n{",
	`{"id":1,"method":"signal","params":{"data":[[[[[[1]]]]]]}}`, `{"x":[[[[[[]]]]]]}`,
	`{"id":1,"method":"x","params":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21]}`,
}

// fuzzLimits are low, so that inputs pass them easily.
var fuzzLimits = Limits{MaxMessage: 300, MaxDepth: 5, MaxValues: 20}

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	lim := &fuzzLimits
	var used Msg // by all inputs: nothing of the last may show in the next
	f.Fuzz(func(t *testing.T, in []byte) {
		if first := bytes.TrimLeft(in, " \t\r\n"); len(first) > 0 && first[0] >= binFirst && first[0] <= binLast {
			t.Skip("FuzzBinary has these")
		}
		want := oracle(in, *lim)
		checkVerdict(t, in, lim, new(Msg), want)
		checkVerdict(t, in, lim, &used, want)
		checkVerdict(t, in, lim, &used, want) // now with this info in memory
		checkAny(t, in, lim, want)
		checkSplitter(t, in, lim)
	})
}

func checkVerdict(t *testing.T, in []byte, lim *Limits, m *Msg, want verdict) {
	t.Helper()
	n, err := Parse(in, lim, m)
	got := viewOf(m)
	var e *Error
	switch {
	case want.short:
		if err != ErrShort || n != want.n {
			t.Fatalf("%q: %d, %v; want %d, ErrShort", in, n, err, want.n)
		}
	case want.kind != nil:
		if !errors.As(err, &e) || e.Kind != want.kind || n != want.n {
			t.Fatalf("%q: %d, %v; want %d, %q", in, n, err, want.n, want.kind.Code)
		}
		if want.whole && (got.Kind != want.view.Kind || show(e.ID) != want.view.ID) {
			t.Fatalf("%q: kind %d, id %q; want %d, %q", in, got.Kind, e.ID, want.view.Kind, want.view.ID)
		}
	case err != nil || n != want.n:
		t.Fatalf("%q: %d, %v; want %d, nil", in, n, err, want.n)
	case got != want.view:
		t.Fatalf("%q:\ngot  %+v\nwant %+v", in, got, want.view)
	}
}

// checkAny checks that the long way gives the same.
func checkAny(t *testing.T, in []byte, lim *Limits, want verdict) {
	t.Helper()
	if want.short || want.kind != nil {
		return
	}
	in = bytes.TrimLeft(in, " \t\r\n")
	in = in[:min(len(in), lim.MaxMessage)]
	var m Msg
	m.reset()
	if _, err := m.parseAny(in, lim); err != nil {
		t.Fatalf("%q: %v", in, err)
	}
	m.Newline = want.view.Newline
	if got := viewOf(&m); got != want.view {
		t.Fatalf("%q the long way:\ngot  %+v\nwant %+v", in, got, want.view)
	}
}

// checkSplitter checks that the splitter cuts off what Parse accepts, and does not
// refuse what Parse still waits for.
func checkSplitter(t *testing.T, in []byte, lim *Limits) {
	t.Helper()
	var s Splitter
	end, err := s.Scan(in, lim.MaxMessage)
	var m Msg
	n, perr := Parse(in, lim, &m)
	switch {
	case perr == ErrShort && (end != 0 || err != nil):
		t.Fatalf("%q: Scan = %d, %v; Parse waits for more", in, end, err)
	case perr != ErrShort && n > 0 && (err != nil || len(bytes.TrimLeft(in[end:n], " \t\r\n")) != 0 || end == 0):
		t.Fatalf("%q: Scan = %d, %v; Parse took %d", in, end, err, n)
	}
}

func FuzzSplitter(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), uint16(1), uint16(7))
	}
	f.Add([]byte("\x83\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x11"), uint16(2), uint16(3))
	f.Fuzz(func(t *testing.T, in []byte, step1, step2 uint16) {
		const most = 300
		var whole Splitter
		wantEnd, wantErr := whole.Scan(in, most)
		var s Splitter
		steps := [2]int{int(step1%50) + 1, int(step2%50) + 1}
		for have, k := 0, 0; ; k++ {
			end, err := s.Scan(in[:have], most)
			if err != nil {
				if wantErr == nil {
					t.Fatalf("%q[:%d]: %v; in one piece %d", in, have, err, wantEnd)
				}
				return
			}
			if end > 0 || have == len(in) {
				if wantErr != nil || end != wantEnd {
					t.Fatalf("%q[:%d]: %d; in one piece %d, %v", in, have, end, wantEnd, wantErr)
				}
				return
			}
			have = min(have+steps[k%2], len(in))
		}
	})
}

func FuzzBinary(f *testing.F) {
	info := AppendBinaryInfo(nil, "timer", "tic")
	f.Add(AppendBinarySignalUp(nil, 1, info, []byte("42")))
	f.Add(AppendBinarySignalDown(nil, 2, FlagRetained, AppendBinaryListeners(nil, []uint32{3, 5}), info, nil))
	f.Add(AppendAck(nil, 17, true))
	f.Add(AppendBinaryRequest(nil, 9, "timer", "interval", Cause{}, []byte("{}")))
	f.Add(AppendBinaryRequest(nil, 9, "timer", "interval", Cause{Traceparent: []byte("00-ab"), Hops: 3}, nil))
	f.Add(AppendBinaryReply(nil, 9, []byte("[1]")))
	f.Add(AppendBinaryFailure(nil, 9, refusal))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 || in[0] < binFirst || in[0] > binLast {
			t.Skip("FuzzParse has these")
		}
		var m Msg
		n, err := Parse(in, &fuzzLimits, &m)
		if err == ErrShort && n != 0 || n > len(in) {
			t.Fatalf("%x: %d, %v", in, n, err)
		}
		if err != nil {
			return
		}
		// Of the frames accepted all but failures are written in one way only.
		var again []byte
		switch in[0] {
		case binSignalUp:
			again = AppendBinarySignalUp(nil, m.N, m.Info, m.Data)
		case binSignalDown:
			again = AppendBinarySignalDown(nil, m.N, in[13], AppendBinaryListeners(nil, m.Listeners), m.Info, m.Data)
			if m.Retained != (in[13]&FlagRetained != 0) {
				t.Fatalf("%x: Retained is %v", in, m.Retained)
			}
		case binAck:
			again = AppendAck(nil, m.N, true)
		case binCall, binCausedCall:
			again = AppendBinaryRequest(nil, m.Num, string(m.Sender), string(m.Target), Cause{m.Traceparent, m.Hops}, m.Args)
		case binReply:
			again = AppendBinaryReply(nil, m.Num, m.Response)
		case binFailure:
			again = in[:n]
			if m.Kind != Reply || m.Status == 0 || !json.Valid(in[13:n]) {
				t.Fatalf("%x: %+v", in, viewOf(&m))
			}
		}
		if !bytes.Equal(again, in[:n]) {
			t.Fatalf("%x is written again as %x", in[:n], again)
		}
		for k := range n {
			if k, err := Parse(in[:k], &fuzzLimits, &m); err != ErrShort {
				t.Fatalf("%x is accepted: %d, %v", in[:k], k, err)
			}
		}
	})
}

func FuzzCheckJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x\n",null]}`, "[1,\n2]", "NaN", "", " 1 ", `"\ud800"`, "[[[[[[]]]]]]", "\"\xff\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		err := CheckJSON(in, 5)
		sound := json.Valid(in)
		want := sound && utf8.Valid(in) && depthOf(in) <= 5
		if (err == nil) != want {
			t.Fatalf("CheckJSON(%q) = %v; want sound: %v", in, err, want)
		}
		if !sound {
			return
		}
		flat := CompactNewlines(nil, in)
		if bytes.ContainsAny(flat, "\r\n") {
			t.Fatalf("%q compacted to %q", in, flat)
		}
		var a, b bytes.Buffer
		if json.Compact(&a, in) != nil || json.Compact(&b, flat) != nil || a.String() != b.String() {
			t.Fatalf("%q compacted to %q, which means something else", in, flat)
		}
	})
}

// depthOf returns how deep sound JSON nests.
func depthOf(b []byte) (most int) {
	depth, inside := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case inside:
		case c == '{' || c == '[':
			depth++
			most = max(most, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return most
}
