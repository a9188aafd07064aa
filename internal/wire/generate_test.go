package wire

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// A generator writes messages that are mostly sound and often odd.
type generator struct {
	*rand.Rand
	b strings.Builder
}

func (g *generator) pick(from ...string) string { return from[g.IntN(len(from))] }

// often is true in one case of n but not.
func (g *generator) often(n int) bool { return g.IntN(n) != 0 }

func (g *generator) space() {
	if !g.often(6) {
		g.b.WriteString(g.pick(" ", " ", "  ", "\n", "\t", "\r\n"))
	}
}

// name writes a member's name, now and then with an escape in it.
func (g *generator) name(name string) {
	if !g.often(12) {
		i := g.IntN(len(name))
		name = fmt.Sprintf(`%s\u%04x%s`, name[:i], name[i], name[i+1:])
	}
	g.b.WriteString(`"` + name + `"`)
}

// object writes some of the members, in random order.
func (g *generator) object(names []string, member func(name string)) {
	g.b.WriteByte('{')
	first := true
	for _, i := range g.Perm(len(names)) {
		times := 1
		switch g.IntN(80) {
		case 0:
			times = 2
		case 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16:
			times = 0
		}
		for range times {
			if !first {
				g.b.WriteByte(',')
			}
			first = false
			g.space()
			g.name(names[i])
			g.space()
			g.b.WriteByte(':')
			g.space()
			member(names[i])
			g.space()
		}
	}
	g.b.WriteByte('}')
}

// some returns half of the names.
func (g *generator) some(names ...string) (half []string) {
	for _, name := range names {
		if g.often(2) {
			half = append(half, name)
		}
	}
	return half
}

// value writes any value.
func (g *generator) value(depth int) {
	switch g.IntN(8 - min(depth, 4)) {
	case 6, 7:
		g.b.WriteByte('[')
		for i := range g.IntN(4) {
			if i > 0 {
				g.b.WriteByte(',')
			}
			g.space()
			g.value(depth + 1)
			g.space()
		}
		g.b.WriteByte(']')
	case 5:
		g.object([]string{"a", "id", "data", "sender"}, func(string) { g.value(depth + 1) })
	default:
		g.b.WriteString(g.scalar())
	}
}

func (g *generator) scalar() string {
	return g.pick("null", "true", "false", "0", "-0", "17", "17", "-3", "1.5", "2e9", "9007199254740991", "9007199254740992",
		"4294967296", `""`, `"timer"`, `"timer"`, `"\u00e9"`, `"`+"\u00fc\u4e16"+`"`, `"\ud83d\ude00"`, `"\ud800"`, `"\udbff\ue000"`, `"a\"b\\c\n"`, `"longer than eight bytes"`)
}

// typed writes a value that fits the member, or any.
func (g *generator) typed(name string) {
	switch {
	case !g.often(25):
		g.value(0)
	case name == "params" || name == "gap" || name == "error":
		g.members(name)
	case name == "info":
		g.object([]string{"sender", "event", "retained"}, g.typed)
	case name == "method":
		g.b.WriteString(g.pick(`"signal"`, `"signal"`, `"request"`, `"request"`, `"hello"`, `"sign\u0061l"`))
	case name == "listeners":
		g.b.WriteString(g.pick("[]", "[1]", "[1]", "[1]", "[1]", "[ 1 , 2]", "[4294967295,0]", "[3,5]", "[3,5]", "[01]", "[1,\"2\"]", "[-1]", "[[]]"))
	case name == "sender" || name == "event" || name == "traceparent" || name == "code" || name == "exception":
		g.b.WriteString(g.pick(`"timer"`, `"t\u0069c"`, `"x"`, `"x"`, `"x"`, `"x"`, `"x"`, `"x"`, `"x"`, `"\ud800"`))
	case name == "data" || name == "response":
		g.value(0)
	default:
		g.b.WriteString(g.pick("1", "17", "17", "17", "17", "17", "0", "-2", `"23"`))
	}
}

func (g *generator) members(name string) {
	switch name {
	case "gap":
		g.object(gapNames, g.typed)
	case "error":
		g.object(append([]string{"other"}, errNames...), g.typed)
	default:
		g.object(g.some("info", "data", "listeners", "listener_id", "traceparent", "hops", "sender", "method", "params", "events", "other"), g.typed)
	}
}

// nearly writes a message the way that parseCanonical knows, with parts that are not.
func (g *generator) nearly() string {
	long := `"` + strings.Repeat("x", 253+g.IntN(4)) + `"`
	number := func() string {
		return g.pick("1", "17", "17", "17", "9007199254740991", "9007199254740992", "01", "0", "-1", "1.5", " 1", "")
	}
	id := g.pick(number(), number(), `"a"`, `"\u0061"`, `"\ud800"`, long)
	text := g.pick(`"timer"`, `"timer"`, `"timer"`, `"t\u0069c"`, `"\ud800"`, `"\udbff\ue000"`, `"\ud83d\ude00"`, `"`+"\u00fc"+`"`)
	info := g.pick(`{"sender":"timer","event":"tic"}`, `{"sender":"timer","event":"tic"}`, `{"sender":`+text+`,"event":"tic"}`, `{}`, `{"a":[[[1]]]}`, ` {}`, "null", "{", "1")
	head := g.pick("", "", `"listeners":[3,5],`, `"listeners":[`+number()+`],`, `"listeners":[],`, `"listener_id":`+id+`,`, `"listener_id":null,`,
		`"traceparent":`+text+`,`, `"listeners":[1],"traceparent":"x",`)
	cause := g.pick("", "", `,"traceparent":"x"`, `,"hops":`+number(), `,"hops":4294967296`, `,"traceparent":"x","hops":3`, `,"hops":3,"traceparent":"x"`, `,"hops":3,"hops":3`)
	data := g.pick("42", "42", " 42", "{\"a\":\n1}", text, "[[[[[]]]]]", "", "null")
	event := `"method":"signal","params":{` + head + `"info":` + info + cause + `,"data":` + data + `}}`
	return g.pick(
		`{"n":`+number()+`,`+event,
		`{"id":`+id+`,`+event,
		`{"id":`+id+`,"method":"request","params":{"sender":`+text+`,"method":"get"`+cause+`,"params":`+data+`}}`,
		`{"id":`+id+`,"method":"request","params":{"sender":"timer","method":`+text+`,"params":`+data+`}}`,
		`{"id":`+id+`,"status":0,"response":`+data+`}`,
		`{"ack":`+number()+`}`,
	)
}

func (g *generator) message() string {
	if !g.often(3) {
		return g.nearly()
	}
	g.b.Reset()
	g.space()
	few := [][]string{
		{"id", "method", "params"}, {"n", "method", "params"}, {"id", "status", "response", "exception", "error"},
		{"ack"}, {"refused", "status", "exception", "error"}, {"n", "gap"}, {"n", "gap"}, {"n", "method", "params"}, append([]string{"other"}, topNames...),
	}
	g.object(few[g.IntN(len(few))], g.typed)
	g.space()
	g.space()
	return g.b.String()
}

// spoil changes one byte, or cuts the end off.
func (g *generator) spoil(text string) string {
	i := g.IntN(len(text))
	switch g.IntN(3) {
	case 0:
		return text[:i]
	case 1:
		return text[:i] + text[i+1:]
	}
	return text[:i] + g.pick("\x00", "\xff", "\xe4", `"`, `\`, "{", "}", "[", "]", ",", ":", "1", "N", " ", "\n") + text[i+1:]
}

// TestGenerated compares Parse with the oracle on many messages that have the right
// members, which a fuzzer seldom finds.
func TestGenerated(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewPCG(1, 2))}
	rounds := 20_000
	if testing.Short() {
		rounds = 5_000
	}
	var used Msg
	kinds, refused, short := map[Kind]int{}, 0, 0
	for range rounds {
		text := g.message()
		if !g.often(4) {
			text = g.spoil(text)
		}
		in := []byte(text)
		lim := &Limits{MaxMessage: 400, MaxDepth: 1 + g.IntN(6), MaxValues: 1 + g.IntN(30)}
		want := oracle(in, *lim)
		checkVerdict(t, in, lim, new(Msg), want)
		checkVerdict(t, in, lim, &used, want)
		checkVerdict(t, in, lim, &used, want)
		checkAny(t, in, lim, want)
		checkSplitter(t, in, lim)
		switch {
		case want.short:
			short++
		case want.kind != nil:
			refused++
		default:
			kinds[want.view.Kind]++
		}
	}
	t.Logf("accepted by kind %v, refused %d, too short %d", kinds, refused, short)
	for k := Call; k <= Gap; k++ {
		if kinds[k] < rounds/500 {
			t.Errorf("only %d messages of kind %d were accepted: the test has lost its point", kinds[k], k)
		}
	}
}
