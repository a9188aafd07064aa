package wiretest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/sigrouter/sigrouter/internal/wire"
)

const file = "../../../testdata/wire/session.json"

// A mirror is a server that reads what a session sends and answers what it expects.
type mirror struct {
	t     *testing.T
	conns map[string]net.Conn
	bound bindings
	spoil func(step int, answer []byte) []byte
}

// serve plays the other side of s. Connections come out of dialled in the order in
// which the session names them.
func (m *mirror) serve(s Session, dialled <-chan net.Conn) error {
	defer func() {
		for _, c := range m.conns {
			_ = c.Close()
		}
	}()
	for i, step := range s.Steps {
		c := m.conns[step.On]
		if c == nil {
			var ok bool
			if c, ok = <-dialled; !ok {
				return errors.New("the session ended early")
			}
			m.conns[step.On] = c
		}
		if err := m.step(i, step, c); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

func (m *mirror) step(i int, s Step, c net.Conn) error {
	write := func(answer []byte) error {
		if m.spoil != nil {
			answer = m.spoil(i, answer)
		}
		_, err := c.Write(answer)
		return err
	}
	switch {
	case s.Send != "":
		want, err := m.bound.fill([]byte(s.Send))
		if err != nil {
			return err
		}
		if s.End == nil {
			want = append(want, '\n')
		}
		return m.read(c, want)
	case s.SendBinary != nil:
		want, err := m.bound.encode(s.SendBinary)
		if err != nil {
			return err
		}
		return m.read(c, want)
	case s.Expect != nil:
		return write(m.answer(s.Expect))
	case s.ExpectAll != nil:
		for k := range s.ExpectAll { // in the order that is not the file's
			if err := write(m.answer(s.ExpectAll[len(s.ExpectAll)-1-k])); err != nil {
				return err
			}
		}
		return nil
	case s.ExpectBinary != nil:
		frame, err := m.frame(s.ExpectBinary)
		if err != nil {
			return err
		}
		return write(frame)
	case s.Acked != 0:
		return write(wire.AppendAck(nil, s.Acked, s.Acked%2 == 0))
	case s.Closed:
		return c.Close()
	case s.Close:
		if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			return fmt.Errorf("the client did not close: %d, %v", n, err)
		}
	}
	return nil
}

func (m *mirror) read(c net.Conn, want []byte) error {
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("sent %q, want %q", got, want)
	}
	return nil
}

// answer makes a message that fits a pattern, with a ping before it that the runner has
// to answer by itself.
func (m *mirror) answer(pattern []byte) []byte {
	v, err := read(pattern)
	if err != nil {
		m.t.Error(err)
	}
	text, err := json.Marshal(m.concrete(v))
	if err != nil {
		m.t.Error(err)
	}
	return text
}

// concrete replaces what a pattern leaves open.
func (m *mirror) concrete(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{"unknown": true}
		for name, x := range v {
			if x != "$none" {
				out[name] = m.concrete(x)
			}
		}
		return out
	case []any:
		out := []any{}
		if len(v) > 0 && v[0] == "$contains" {
			v = v[1:]
			out = append(out, "another")
		}
		for _, x := range v {
			out = append(out, m.concrete(x))
		}
		return out
	case string:
		switch part, isPart := strings.CutPrefix(v, "$~"); {
		case isPart:
			return "so " + part + " it is"
		case v == "$_":
			return 7
		case strings.HasPrefix(v, "$"):
			if m.bound[v] == nil {
				m.bound[v] = json.Number(fmt.Sprint(100 + len(m.bound)))
			}
			return m.bound[v]
		}
	}
	return v
}

func (m *mirror) payload(f *Frame) []byte {
	if f.Hex == nil {
		return m.answer(f.Data)
	}
	b, err := hex.DecodeString(*f.Hex)
	if err != nil {
		m.t.Error(err)
	}
	return b
}

func (m *mirror) frame(f *Frame) ([]byte, error) {
	number := func(raw json.RawMessage) uint64 {
		v, err := read(raw)
		if err != nil {
			m.t.Error(err)
		}
		n, err := m.concrete(v).(json.Number).Int64()
		if err != nil {
			m.t.Error(err)
		}
		return uint64(n)
	}
	if f.Kind != "signal_down" {
		n := number(f.ID)
		body := binary.BigEndian.AppendUint64(nil, n)
		switch f.Kind {
		case "caused_request":
			body = name(binary.BigEndian.AppendUint32(body, f.Hops), f.Traceparent)
			fallthrough
		case "request":
			body = name(name(body, f.Sender), f.Method)
		}
		body = append(body, m.payload(f)...)
		return append(binary.BigEndian.AppendUint32([]byte{kinds[f.Kind]}, uint32(len(body))), body...), nil
	}
	var ids []uint32
	if err := json.Unmarshal(m.answer(f.Listeners), &ids); err != nil {
		return nil, err
	}
	var flags byte
	if f.Retained {
		flags = wire.FlagRetained
	}
	return wire.AppendBinarySignalDown(nil, number(f.N), flags, wire.AppendBinaryListeners(nil, ids),
		wire.AppendBinaryInfo(nil, f.Sender, f.Event), m.payload(f)), nil
}

// playAgainst plays a session against a mirror and returns what both sides say.
func playAgainst(t *testing.T, s Session, spoil func(int, []byte) []byte) (client, server error) {
	t.Helper()
	dialled := make(chan net.Conn, 10)
	m := &mirror{t: t, conns: map[string]net.Conn{}, bound: bindings{}, spoil: spoil}
	ended := make(chan error, 1)
	go func() { ended <- m.serve(s, dialled) }()
	client = play(s, func() (io.ReadWriteCloser, error) {
		near, far := net.Pipe()
		dialled <- far
		return near, nil
	})
	close(dialled)
	return client, <-ended
}

// TestSessions checks the file and the runner with each other.
func TestSessions(t *testing.T) {
	sessions, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(sessions) < 50 {
		t.Errorf("only %d sessions", len(sessions))
	}
	for _, s := range sessions {
		t.Run(s.Lane+"/"+s.Name, func(t *testing.T) {
			client, server := playAgainst(t, s, nil)
			if client != nil || server != nil {
				t.Fatalf("client: %v\nmirror: %v", client, server)
			}
			checkSends(t, s)
		})
	}
}

// checkSends checks that what the clients send is sound, unless it is about what is not.
func checkSends(t *testing.T, s Session) {
	t.Helper()
	about := false
	for _, step := range s.Steps {
		about = about || step.Closed || bytes.Contains(step.Expect, []byte(`"status": -4`))
	}
	for _, step := range s.Steps {
		rest := placeholder.ReplaceAll([]byte(step.Send), []byte("17"))
		for len(bytes.TrimSpace(rest)) > 0 && !about {
			n, err := wire.Parse(rest, nil, new(wire.Msg))
			if err != nil {
				t.Fatalf("%q: %v", rest, err)
			}
			rest = rest[n:]
		}
	}
}

// TestWrongAnswers checks that the runner notices.
func TestWrongAnswers(t *testing.T) {
	session := Session{Steps: []Step{
		{On: "a", Send: `{"id":1,"method":"get_version"}`},
		{On: "a", Expect: json.RawMessage(`{"id":1,"status":0,"response":["$contains",{"a":"$x"},"$~text"],"error":"$none","again":"$x"}`)},
		{On: "a", Acked: 2},
		{On: "a", ExpectBinary: &Frame{Kind: "reply", ID: json.RawMessage("1"), Data: json.RawMessage("[1.0]")}},
	}}
	good := []string{1: `{"id":1,"status":0,"response":["more",{"a":5},"some text"],"again":5}`, 2: `{"ack":2}`,
		3: "\x85\x00\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00\x01[1.0]"}
	for _, c := range []struct {
		step   int
		answer string
	}{
		{1, strings.Replace(good[1], `"id":1`, `"id":2`, 1)},
		{1, strings.Replace(good[1], `"status":0`, `"status":0.0`, 1)},
		{1, strings.Replace(good[1], `"status":0,`, ``, 1)},
		{1, strings.Replace(good[1], `"again":5`, `"again":6`, 1)},
		{1, strings.Replace(good[1], `{"a":5}`, `{"b":5}`, 1)},
		{1, strings.Replace(good[1], `some text`, `some`, 1)},
		{1, strings.Replace(good[1], `"again"`, `"error":null,"again"`, 1)},
		{1, good[3]},
		{2, `{"ack":3}`},
		{3, strings.Replace(good[3], "1.0", "1.1", 1)},
		{3, strings.Replace(good[3], "\x01[", "\x02[", 1)},
		{3, good[1]},
	} {
		spoil := func(i int, _ []byte) []byte {
			if i == c.step {
				return []byte(c.answer)
			}
			return []byte(good[i])
		}
		if client, _ := playAgainst(t, session, spoil); client == nil {
			t.Errorf("step %d answered with %q: the runner took it", c.step, c.answer)
		}
	}
	if client, server := playAgainst(t, session, func(i int, _ []byte) []byte { return []byte(good[i]) }); client != nil || server != nil {
		t.Errorf("the right answers: %v, %v", client, server)
	}
}
