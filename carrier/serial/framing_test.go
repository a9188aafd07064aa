package serial

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLinesDecode(t *testing.T) {
	const message = `{"id":1,"method":"get_version"}`
	for _, c := range []struct {
		line, frame string
		want        verdict
	}{
		{message, message, good},
		{" " + message + "\r", message, good},
		{"\x00\x00" + message, message, good}, // a break before it
		{"{}", "{}", good},
		{"", "", blank},
		{" \r", "", blank},
		{"#start", "", mark},
		{"\x00#start\r", "", mark},
		{"rl\x80\xffl\x02#start", "", mark},
		{`ets Jan  8 2013,rst cause:2, boot mode:(3,6)`, "", bad},
		{`{"id":1,"method":"get_ver`, "", bad},
		{`[1,2]`, "", bad},
		{`21.5`, "", bad},
		{`"{}"`, "", bad},
		{"{\"id\":1,\"method\":\"\xff\"}", "", bad}, // a flipped bit: not UTF-8
		{message + message, message, salvaged},
		{"\x9e\xc3{\"rl" + message, message, salvaged}, // rubbish of a boot loader
		{`{"id":7,"method":"signal","params":{"inf` + message, message, salvaged}, // cut, then a first message
		{`{"id":7,"method":"signal","params":{"info":{}` + message, message, salvaged},
		{`garbage {"status":0,"id":3}`, `{"status":0,"id":3}`, salvaged},
		{`garbage {"a":1}`, "", bad}, // no message
		// A closing brace lost: the inner object is not what was sent.
		{`{"id":7,"method":"request","params":{"sender":"a","method":"get","params":{}}`, "", bad},
		{`{"id":7,"method":"signal","data":"{\"method\":1}`, "", bad},
	} {
		frame, v := lines{}.decode([]byte(c.line))
		require.Equal(t, c.want, v, c.line)
		require.Equal(t, c.frame, string(frame), c.line)
	}
}

func TestLinesAppend(t *testing.T) {
	got := lines{}.append([]byte("x\n"), []byte("{\"a\":\n\t1,"), []byte("\r\n\"b\":\"\\n\"}"))
	require.Equal(t, "x\n{\"a\": \t1,  \"b\":\"\\n\"}\n", string(got))
}

// TestCOBSVectors holds encodings that any implementation must give.
func TestCOBSVectors(t *testing.T) {
	seq := func(from, to int) (b []byte) {
		for i := from; i <= to; i++ {
			b = append(b, byte(i))
		}
		return b
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct{ raw, stuffed []byte }{
		{[]byte{0}, []byte{1, 1}},
		{[]byte{0, 0}, []byte{1, 1, 1}},
		{[]byte{0x11, 0x22, 0, 0x33}, []byte{3, 0x11, 0x22, 2, 0x33}},
		{[]byte{0x11, 0, 0, 0}, []byte{2, 0x11, 1, 1, 1}},
		{seq(1, 254), join([]byte{255}, seq(1, 254))},
		{seq(0, 254), join([]byte{1, 255}, seq(1, 254))},
		{seq(1, 255), join([]byte{255}, seq(1, 254), []byte{2, 255})},
		{join(seq(2, 255), []byte{0}), join([]byte{255}, seq(2, 255), []byte{1, 1})},
		{join(seq(3, 255), []byte{0, 1}), join([]byte{254}, seq(3, 255), []byte{2, 1})},
	} {
		s := stuffer{}
		s.begin()
		s.add(c.raw)
		require.Equal(t, c.stuffed, s.end(), "%x", c.raw)
		back, ok := unstuff(bytes.Clone(c.stuffed))
		require.True(t, ok)
		require.Equal(t, c.raw, back)
	}
}

func TestCOBSRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 1200 {
		frame := make([]byte, n+1)
		for i := range frame {
			frame[i] = byte(r.IntN(4)) * byte(r.IntN(256)) // many zeros
		}
		cut := r.IntN(len(frame))
		wire := cobs{}.append(nil, frame[:cut], frame[cut:])
		require.Equal(t, byte(0), wire[0])
		require.Equal(t, byte(0), wire[len(wire)-1])
		inner := wire[1 : len(wire)-1]
		require.Equal(t, -1, bytes.IndexByte(inner, 0))
		require.LessOrEqual(t, len(inner), cobs{}.room(len(frame)))
		got, v := cobs{}.decode(inner)
		require.Equal(t, good, v)
		require.Equal(t, frame, got)
	}
}

// TestCOBSGolden is the example of docs/protocol.md.
func TestCOBSGolden(t *testing.T) {
	require.Equal(t, "\x00\x0e{\"ack\":1}\xa9\xc1\x5d\xb4\x00", string(cobs{}.append(nil, []byte(`{"ack":1}`), nil)))
}

func FuzzCOBS(f *testing.F) {
	f.Add([]byte("\x05\x11\x22\x33\x44"))
	f.Add(cobs{}.append(nil, []byte(`{"ack":1}`), nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, ok := unstuff(bytes.Clone(b)); ok && len(got) >= len(b) && len(b) > 0 {
			t.Errorf("unstuff(%x) has %d bytes", b, len(got))
		}
		wire := cobs{}.append(nil, b, nil)
		got, v := cobs{}.decode(wire[1 : len(wire)-1])
		if len(b) > 0 && v != mark && (v != good || !bytes.Equal(got, b)) {
			t.Errorf("%x came back as %x, %v", b, got, v)
		}
	})
}

// FuzzLines feeds anything: what is taken for a frame is always an object in UTF-8, and
// a good line after it is always taken.
func FuzzLines(f *testing.F) {
	f.Add([]byte("{\"id\":1,\"method\":\"a\"}\n{\"x\""), 3)
	f.Add([]byte("\x00\xff#start\r\n{}"), 100)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		const last = `{"id":"last","method":"x"}`
		input := string(b) + "\n" + last + "\n"
		r := newReceiver(chunks(strings.NewReader(input), size), lines{}, func(Reason, []byte) {})
		var final string
		for {
			frame, v, err := r.recv()
			if err != nil {
				break
			}
			if v == good && !isObject(frame) {
				t.Errorf("took %q for a frame", frame)
			}
			final = string(frame)
		}
		if final != last {
			t.Errorf("the last frame is %q", final)
		}
	})
}
