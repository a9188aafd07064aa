package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// payload is 128 bytes of data, as in the measurements that this package has to keep
// up with.
func payload() string {
	s := `{"seq":1234567890,"sensor":"temp-01","value":21.375,"unit":"C","ok":true,"note":"`
	return s + strings.Repeat("x", 128-len(s)-2) + `"}`
}

// envelope is a classic signal of 265 bytes.
func envelope() []byte {
	head := `{"id":12345,"method":"signal","params":{"listener_id":47,"info":{"sender":"sensors.cellar.temperature","event":"tick-`
	tail := `"},"data":` + payload() + `}}`
	return []byte(head + strings.Repeat("k", 265-len(head)-len(tail)) + tail)
}

// spaced is the envelope as pysig writes it.
func spaced() []byte {
	b := bytes.ReplaceAll(envelope(), []byte(`":`), []byte(`": `))
	return bytes.ReplaceAll(b, []byte(`,"`), []byte(`, "`))
}

// messages are the ones that matter for speed, and have to be read without allocating.
func messages() map[string][]byte {
	info := AppendSignalInfo(nil, "timer", "tic", false)
	ids := []uint32{3, 5}
	return map[string][]byte{
		"envelope":     envelope(),
		"spaced":       spaced(),
		"signal up":    AppendSignal(nil, 17, nil, info, []byte(payload())),
		"signal down":  AppendSignal(nil, 17, AppendTraceparent(AppendListeners(nil, ids), []byte("00-0af7-01")), info, []byte(payload())),
		"request":      AppendRequest(nil, 17, "timer", "interval", Cause{}, []byte(payload())),
		"reply":        AppendReply(nil, []byte(`"17"`), []byte(`{"ok":true,"n":[1,2,3]}`)),
		"ack":          AppendAck(nil, 17, false),
		"ping":         AppendCall(nil, 17, "ping", nil),
		"escaped name": []byte(`{"id":1,"method":"request","params":{"sender":"caf\u00e9","method":"interv\u0061l","params":null}}`),
		"binary up":    AppendBinarySignalUp(nil, 17, AppendBinaryInfo(nil, "timer", "tic"), []byte(payload())),
		"binary down":  AppendBinarySignalDown(nil, 17, 0, AppendBinaryListeners(nil, ids), AppendBinaryInfo(nil, "timer", "tic"), []byte(payload())),
		"binary call":  AppendBinaryRequest(nil, 17, "timer", "interval", Cause{}, []byte(payload())),
		"binary reply": AppendBinaryReply(nil, 17, []byte("1")),
		"cut":          envelope()[:200],
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	lim := &Limits{}
	for name, in := range messages() {
		var m Msg
		n := testing.AllocsPerRun(100, func() {
			if _, err := Parse(in, lim, &m); err != nil && !errors.Is(err, ErrShort) {
				t.Fatalf("%s: %v", name, err)
			}
		})
		if n != 0 {
			t.Errorf("%s: Parse allocates %v times", name, n)
		}
		var s Splitter
		if n := testing.AllocsPerRun(100, func() { s.Reset(); _, _ = s.Scan(in, 0) }); n != 0 {
			t.Errorf("%s: Scan allocates %v times", name, n)
		}
	}
	data := []byte(payload())
	if n := testing.AllocsPerRun(100, func() { _ = CheckJSON(data, 0) }); n != 0 {
		t.Errorf("CheckJSON allocates %v times", n)
	}
}

func TestWritersAllocateNothing(t *testing.T) {
	buf := make([]byte, 0, 4096)
	data := []byte(payload())
	info := AppendSignalInfo(nil, "timer", "tic", false)
	n := testing.AllocsPerRun(100, func() {
		b := AppendSignal(buf[:0], 1, AppendListeners(buf[:0:100], nil), info, data)
		b = AppendRequest(b, 1, "timer", "interval", Cause{}, data)
		b = AppendReply(b, []byte(`"x"`), data)
		b = AppendBinarySignalUp(b, 1, info, data)
		b = AppendBinaryReply(b, 1, data)
		b = AppendGap(b, 1, nil, "timer", "tic", 3)
		b = AppendFailure(b, []byte("1"), refusalPlain)
		_ = AppendAck(b, 1, true)
	})
	if n != 0 {
		t.Errorf("the writers allocate %v times", n)
	}
}

func BenchmarkParse(b *testing.B) {
	lim := &Limits{}
	for name, in := range messages() {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			var m Msg
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				_, _ = Parse(in, lim, &m)
			}
		})
	}
	b.Run("changing-info", func(b *testing.B) {
		ins := [...][]byte{envelope(), bytes.Replace(envelope(), []byte("cellar"), []byte("garden"), 1)}
		var m Msg
		for i := 0; b.Loop(); i++ {
			_, _ = Parse(ins[i&1], lim, &m)
		}
	})
	b.Run("encoding/json", func(b *testing.B) { // what it is measured against
		in := envelope()
		b.ReportAllocs()
		for b.Loop() {
			var e struct {
				ID     json.RawMessage `json:"id"`
				Method string          `json:"method"`
				Params struct {
					ListenerID json.RawMessage `json:"listener_id"`
					Info       struct {
						Sender string `json:"sender"`
						Event  string `json:"event"`
					} `json:"info"`
					Data json.RawMessage `json:"data"`
				} `json:"params"`
				Status   *int            `json:"status"`
				Response json.RawMessage `json:"response"`
			}
			if err := json.Unmarshal(in, &e); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSplitter(b *testing.B) {
	in := envelope()
	var s Splitter
	for b.Loop() {
		s.Reset()
		if end, err := s.Scan(in, 0); end != len(in) || err != nil {
			b.Fatal(end, err)
		}
	}
}

func BenchmarkCheckJSON(b *testing.B) {
	in := []byte(payload())
	for b.Loop() {
		_ = CheckJSON(in, 64)
	}
}

func BenchmarkAppendSignal(b *testing.B) {
	buf := make([]byte, 0, 1024)
	info, data, head := AppendSignalInfo(nil, "timer", "tic", false), []byte(payload()), AppendListeners(nil, []uint32{3, 5})
	b.Run("json", func(b *testing.B) {
		for b.Loop() {
			_ = AppendSignal(buf[:0], 123456, head, info, data)
		}
	})
	ids, names := AppendBinaryListeners(nil, []uint32{3, 5}), AppendBinaryInfo(nil, "timer", "tic")
	b.Run("binary", func(b *testing.B) {
		for b.Loop() {
			_ = AppendBinarySignalDown(buf[:0], 123456, 0, ids, names, data)
		}
	})
}
