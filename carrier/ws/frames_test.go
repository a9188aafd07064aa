package ws

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A frameCase is a conversation: what a client sends, and what an echoing server makes
// of it. The groups are those of the Autobahn test suite for WebSocket.
type frameCase struct {
	name string
	send []wireFrame
	want []got // before the close frame
	code int   // of the server's close frame
}

func TestFrames(t *testing.T) {
	for _, c := range append(framing(), append(control(), append(fragments(), append(utf8Cases(), closes()...)...)...)...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			runFrames(t, c, 0)
			// What comes after a close frame, and is not read, resets the connection.
			if last := c.send[len(c.send)-1]; c.send[0].b0 != 0x88 || last.b0 == 0x88 && len(c.send) == 1 {
				runFrames(t, c, 1)
			}
		})
	}
}

// runFrames sends the frames at once, or in pieces of chop bytes.
func runFrames(t *testing.T, c frameCase, chop int) {
	l := listen(t, Scheme{}, "ws://127.0.0.1:0/")
	echo(t, l)
	r := dialRaw(t, l.URL())
	var b []byte
	for _, f := range c.send {
		b = append(b, f.bytes()...)
	}
	if chop == 0 || len(b) > 10_000 {
		r.send(b)
	} else {
		for i := 0; i < len(b); i += chop {
			if _, err := r.Write(b[i:min(i+chop, len(b))]); err != nil {
				break // the server has had enough, rightly or not
			}
		}
	}
	frames, code, reason := r.end()
	if code == closePolicy { // how many pongs went out before is chance
		frames = slices.DeleteFunc(frames, func(g got) bool { return g.op == opPong })
		if len(frames) == 0 {
			frames = nil
		}
	}
	require.Equal(t, c.want, frames, "frames before the close frame; chop %d; reason %q", chop, reason)
	require.Equal(t, c.code, code, "close code; chop %d; reason %q", chop, reason)
}

func framing() []frameCase {
	var cases []frameCase
	for _, n := range []int{0, 1, 124, 125, 126, 127, 128, 65535, 65536, 1 << 20} {
		s := strings.Repeat("*", n)
		cases = append(cases, frameCase{
			fmt.Sprintf("1.1 text of %d bytes", n),
			[]wireFrame{text(s), closing(code(1000, ""))}, []got{{opText, s}}, 1000,
		})
		if n >= 5 {
			s = binaryFrame(s[5:])
			cases = append(cases, frameCase{
				fmt.Sprintf("1.2 binary of %d bytes", n),
				[]wireFrame{bin(s), closing(code(1000, ""))}, []got{{opBinary, s}}, 1000,
			})
		}
	}
	return append(cases,
		frameCase{"1.2 empty binary", []wireFrame{bin("")}, nil, closeUnsupported},
		frameCase{"binary that is JSON", []wireFrame{bin("{}")}, nil, closeUnsupported},
		frameCase{"binary frame with a wrong length inside", []wireFrame{bin("\x81\x00\x00\x00\x02x")}, nil, closeInvalid},
		frameCase{
			"several binary frames in a message",
			[]wireFrame{bin(binaryFrame("a") + binaryFrame("") + binaryFrame("bc")), closing(code(1000, ""))},
			[]got{{opBinary, binaryFrame("a")}, {opBinary, binaryFrame("")}, {opBinary, binaryFrame("bc")}}, 1000,
		},
		frameCase{"several, the last cut short", []wireFrame{bin(binaryFrame("a") + "\x81\x00\x00\x00\x02x")}, []got{{opBinary, binaryFrame("a")}}, closeInvalid},
		frameCase{"JSON behind a binary frame", []wireFrame{bin(binaryFrame("a") + `{"id":1,"method":"x"}`)}, []got{{opBinary, binaryFrame("a")}}, closeInvalid},
		frameCase{"binary frame cut short", []wireFrame{bin("\x81\x00\x00")}, nil, closeInvalid},
		frameCase{"too long", []wireFrame{{b0: 0x81, length: 1<<20 + 1}}, nil, closeTooBig},
		frameCase{"too long in all", []wireFrame{textPart(strings.Repeat("x", 1<<19)), lastCont(strings.Repeat("x", 1<<19+1))}, nil, closeTooBig},
		frameCase{"length with the top bit set", []wireFrame{{b0: 0x81, length: 1 << 63}}, nil, closeProtocol},
		frameCase{"the largest length", []wireFrame{{b0: 0x81, length: 1<<64 - 1}}, nil, closeProtocol},
		frameCase{"lengths that overflow together", []wireFrame{textPart("x"), {b0: 0x00, length: 1<<63 - 1}}, nil, closeTooBig},
		frameCase{"not masked", []wireFrame{{b0: 0x81, payload: "hello", bare: true}}, nil, closeProtocol},
	)
}

func control() []frameCase {
	cases := []frameCase{
		{"2.1 ping without payload", []wireFrame{ping(""), closing(code(1000, ""))}, []got{{opPong, ""}}, 1000},
		{"2.2 ping", []wireFrame{ping("Hello"), closing(code(1000, ""))}, []got{{opPong, "Hello"}}, 1000},
		{"2.3 ping with binary payload", []wireFrame{ping("\x00\xff\xfe\xfd"), closing(code(1000, ""))}, []got{{opPong, "\x00\xff\xfe\xfd"}}, 1000},
		{"2.4 longest ping", []wireFrame{ping(strings.Repeat("\xfe", 125)), closing(code(1000, ""))}, []got{{opPong, strings.Repeat("\xfe", 125)}}, 1000},
		{"2.5 ping too long", []wireFrame{ping(strings.Repeat("\xfe", 126))}, nil, closeProtocol},
		{"2.7 pong nobody asked for", []wireFrame{pong("x"), text("{}"), closing(code(1000, ""))}, []got{{opText, "{}"}}, 1000},
		{"fragmented ping", []wireFrame{{b0: 0x09, payload: "x"}}, nil, closeProtocol},
		{"too many pings", repeat(ping(""), 100), nil, closePolicy},
		{"too many pongs", repeat(pong(""), 100), nil, closePolicy},
	}
	for bits := byte(1); bits < 8; bits++ {
		cases = append(cases,
			frameCase{fmt.Sprintf("3.%d reserved bits on text", bits), []wireFrame{text("{}"), {b0: 0x81 | bits<<4, payload: "{}"}}, []got{{opText, "{}"}}, closeProtocol},
			frameCase{fmt.Sprintf("3.%d reserved bits on ping", bits), []wireFrame{{b0: 0x89 | bits<<4}}, nil, closeProtocol})
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		cases = append(cases,
			frameCase{fmt.Sprintf("4 opcode %d", op), []wireFrame{text("{}"), {b0: 0x80 | op}}, []got{{opText, "{}"}}, closeProtocol},
			frameCase{fmt.Sprintf("4 opcode %d with payload", op), []wireFrame{{b0: 0x80 | op, payload: "reserved"}}, nil, closeProtocol})
	}
	return cases
}

func fragments() []frameCase {
	bye := closing(code(1000, ""))
	many := append([]wireFrame{textPart("")}, repeat(cont("x"), 20_000)...)
	empty := append([]wireFrame{textPart("{")}, repeat(cont(""), 20_000)...)
	ok := append(append([]wireFrame{textPart("")}, repeat(cont("x"), 1000)...), lastCont(""), bye)
	return []frameCase{
		{"5.1 fragmented ping and its end", []wireFrame{{b0: 0x09, payload: "a"}, lastCont("b")}, nil, closeProtocol},
		{"5.3 two fragments", []wireFrame{textPart("frag"), lastCont("ment"), bye}, []got{{opText, "fragment"}}, 1000},
		{"5.6 ping between fragments", []wireFrame{textPart("frag"), ping("p"), lastCont("ment"), bye}, []got{{opPong, "p"}, {opText, "fragment"}}, 1000},
		{"pong between fragments", []wireFrame{textPart("frag"), pong("p"), lastCont("ment"), bye}, []got{{opText, "fragment"}}, 1000},
		{"5.9 continuation of nothing", []wireFrame{lastCont("x"), text("{}")}, nil, closeProtocol},
		{"5.12 continuation of nothing, not final", []wireFrame{cont("x")}, nil, closeProtocol},
		{"5.15 continuation after the end", []wireFrame{textPart("a"), lastCont("b"), cont("c")}, []got{{opText, "ab"}}, closeProtocol},
		{"5.18 text inside text", []wireFrame{textPart("a"), text("b")}, nil, closeProtocol},
		{"binary inside text", []wireFrame{textPart("a"), bin("b")}, nil, closeProtocol},
		{"empty fragments", []wireFrame{textPart(""), cont(""), lastCont(""), bye}, []got{{opText, ""}}, 1000},
		{"6.1 text among empty fragments", []wireFrame{textPart(""), cont("middle"), lastCont(""), bye}, []got{{opText, "middle"}}, 1000},
		{"binary in fragments", []wireFrame{{b0: 0x02, payload: "\x81\x00"}, cont("\x00\x00"), lastCont("\x01x"), bye}, []got{{opBinary, binaryFrame("x")}}, 1000},
		{"close between fragments", []wireFrame{textPart("a"), bye}, nil, 1000},
		{"a thousand fragments", ok, []got{{opText, strings.Repeat("x", 1000)}}, 1000},
		{"too many fragments", many, nil, closePolicy},
		{"too many empty fragments", empty, nil, closePolicy},
	}
}

func closes() []frameCase {
	long := strings.Repeat("x", 123)
	cases := []frameCase{
		{"7.1.1 text, then close", []wireFrame{text("{}"), closing(code(1000, ""))}, []got{{opText, "{}"}}, 1000},
		{"7.1.2 close twice", []wireFrame{closing(code(1000, "")), closing(code(1000, ""))}, nil, 1000},
		{"7.1.3 ping after close", []wireFrame{closing(code(1000, "")), ping("")}, nil, 1000},
		{"7.1.4 text after close", []wireFrame{closing(code(1000, "")), text("{}")}, nil, 1000},
		{"7.3.1 close without payload", []wireFrame{closing("")}, nil, closeNoStatus},
		{"7.3.2 close with one byte", []wireFrame{closing("x")}, nil, closeProtocol},
		{"7.3.5 longest close", []wireFrame{closing(code(1000, long))}, nil, 1000},
		{"7.3.6 close too long", []wireFrame{closing(code(1000, long+"x"))}, nil, closeProtocol},
		{"7.5.1 close with invalid UTF-8", []wireFrame{closing(code(1000, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"))}, nil, closeProtocol},
	}
	for _, n := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		cases = append(cases, frameCase{fmt.Sprintf("7.7 code %d", n), []wireFrame{closing(code(n, "why"))}, nil, n})
	}
	for _, n := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535} {
		cases = append(cases, frameCase{fmt.Sprintf("7.9 code %d", n), []wireFrame{closing(code(n, "why"))}, nil, closeProtocol})
	}
	return cases
}

// utf8Cases are the 6.x group: every valid and invalid sequence alone, and an invalid byte
// at each position of a text.
func utf8Cases() []frameCase {
	bye := closing(code(1000, ""))
	var cases []frameCase
	for _, s := range []string{
		"Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\x00", "\x7f", "\u0080", "\u07ff", "\u0800", "\uffff", "\ufffd",
		"\ufdd0", "\U00010000", "\U0010ffff", "\U0001fffe", "\ud7ff", "\ue000",
	} {
		cases = append(cases, frameCase{fmt.Sprintf("6 valid %+q", s), []wireFrame{text(s), bye}, []got{{opText, s}}, 1000})
		parts := []wireFrame{textPart("")} // one byte a fragment
		for i := range len(s) {
			parts = append(parts, cont(s[i:i+1]))
		}
		cases = append(cases, frameCase{fmt.Sprintf("6 valid %+q in fragments", s), append(parts, lastCont(""), bye), []got{{opText, s}}, 1000})
	}
	for _, s := range []string{
		"\x80", "\xbf", "\x80\xbf\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80", "\xfe", "\xff", "\xed\xa0\x80",
		"\xed\xbf\xbf", "\xed\xa0\x80\xed\xb0\x80", "\xf4\x90\x80\x80", "\xf7\xbf\xbf\xbf", "\xc3", "\xe2\x82",
		"\xf0\x9f\x98", "\xc3(", "\xe2\x28\xa1", "\xe2\x82\x28", "\xf0\x28\x8c\xbc", "\xf0\x90\x28\xbc",
	} {
		cases = append(cases,
			frameCase{fmt.Sprintf("6 invalid %+q", s), []wireFrame{text(s)}, nil, closeInvalid},
			frameCase{fmt.Sprintf("6 invalid %+q, more after it", s), []wireFrame{textPart(s), lastCont("{}")}, nil, closeInvalid})
	}
	const good = "Hello-µ@ß€😀-UTF-8!!"
	for i := range len(good) + 1 {
		s := good[:i] + "\xff" + good[i:]
		cases = append(cases,
			frameCase{fmt.Sprintf("6 invalid at %d", i), []wireFrame{text(s)}, nil, closeInvalid},
			frameCase{fmt.Sprintf("6 invalid at %d, fragment there", i), []wireFrame{textPart(s[:i]), lastCont(s[i:])}, nil, closeInvalid})
	}
	return cases
}

func repeat(f wireFrame, n int) []wireFrame {
	fs := make([]wireFrame, n)
	for i := range fs {
		fs[i] = f
	}
	return fs
}

// TestFailFast checks that invalid text is refused at its first wrong byte, not at the
// end of the message.
func TestFailFast(t *testing.T) {
	for _, c := range []struct {
		name string
		send []wireFrame
	}{
		{"in an unfinished frame", []wireFrame{{b0: 0x81, payload: "\xf4\x90", length: 100}}},
		{"in an unfinished message", []wireFrame{textPart("caf\xc3"), cont("\xa9 \xf4"), cont("\x90")}},
		{"at the start of a long message", []wireFrame{{b0: 0x81, payload: "{\xff", length: 1 << 20}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := listen(t, Scheme{}, "ws://127.0.0.1:0/")
			echo(t, l)
			r := dialRaw(t, l.URL())
			for _, f := range c.send {
				r.send(f.bytes())
			}
			_, code, reason := r.end()
			assert.Equal(t, closeInvalid, code, reason)
			assert.Contains(t, reason, "UTF-8")
		})
	}
}
