package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// heard starts a Go program that listens to a sender and hands on what it hears, as text.
func (s *server) heard(sender string) <-chan string {
	s.t.Helper()
	got := make(chan string, 1000)
	_, err := s.dial().Remote().AddListener(sender, sig.Any, func(e sig.Event) {
		if !sig.IsBuiltin(e.Name) {
			got <- fmt.Sprintf("%s %s %s", e.Sender, e.Name, jsonText(e.Data))
		}
	})
	require.NoError(s.t, err)
	return got
}

func next(t *testing.T, got <-chan string) string {
	t.Helper()
	select {
	case text := <-got:
		return text
	case <-time.After(testPatience):
		require.FailNow(t, "no event")
		return ""
	}
}

func TestTriggerData(t *testing.T) {
	s := startServer(t)
	got := s.heard("door")
	file := filepath.Join(t.TempDir(), "data.json")
	require.NoError(t, os.WriteFile(file, []byte("{\n\t\"n\": 12345678901234567890\n}\n"), 0o600))
	for _, c := range []struct{ arg, stdin, want string }{
		{"", "", "null"},
		{`{"by": "ana"}`, "", `{"by":"ana"}`},
		{"@" + file, "", `{"n":12345678901234567890}`},
		{"-", "[1,\n2]", "[1,2]"},
	} {
		args := []string{"trigger", "door", "opened", "--url", s.url}
		if c.arg != "" {
			args = append(args, c.arg)
		}
		cmd := command(t, args...)
		cmd.Stdin = strings.NewReader(c.stdin)
		require.Equal(t, result{}, runCommand(t, cmd), "%q", c.arg)
		require.Equal(t, "door opened "+c.want, next(t, got))
	}
}

// Each line is triggered when it comes, not when all have.
func TestTriggerLines(t *testing.T) {
	s := startServer(t)
	got := s.heard("sensor")
	p := start(t, "trigger", "sensor", "reading", "--lines", "--url", s.url)
	for _, line := range []string{"1\n", "\n", `{"a": [ ]}` + "\n"} {
		_, err := p.Stdin.Write([]byte(line))
		require.NoError(t, err)
		if line != "\n" {
			want := strings.ReplaceAll(strings.TrimSpace(line), " ", "")
			require.Equal(t, "sensor reading "+want, next(t, got))
		}
	}
	_, err := p.Stdin.Write([]byte(`"last, without a line break"`))
	require.NoError(t, err)
	require.NoError(t, p.Stdin.Close())
	require.Equal(t, `sensor reading "last, without a line break"`, next(t, got))
	lines, code := p.Wait()
	require.Equal(t, exitDone, code, p.Errors())
	require.Empty(t, lines)
}

func TestTriggerBadLine(t *testing.T) {
	s := startServer(t)
	got := s.heard("sensor")
	cmd := command(t, "trigger", "sensor", "reading", "--lines", "--url", s.url)
	cmd.Stdin = strings.NewReader("1\n\noops\n2\n")
	r := runCommand(t, cmd)
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.stderr, "line 3")
	require.Contains(t, r.stderr, "not JSON")
	require.Equal(t, "sensor reading 1", next(t, got), "what came before has arrived")
}

func TestTriggerCountAndEvery(t *testing.T) {
	s := startServer(t)
	got := s.heard("bell")
	begin := time.Now()
	r := sigRun(t, "trigger", "bell", "rings", "7", "--count", "3", "--every", "20ms", "--url", s.url)
	require.Equal(t, result{}, r)
	require.GreaterOrEqual(t, time.Since(begin), 40*time.Millisecond)
	for range 3 {
		require.Equal(t, "bell rings 7", next(t, got))
	}
	endless := start(t, "trigger", "bell", "rings", "8", "--every", "1ms", "--url", s.url)
	for range 5 {
		require.Equal(t, "bell rings 8", next(t, got))
	}
	endless.Signal(os.Interrupt)
	_, code := endless.Wait()
	require.Equal(t, exitInterrupted, code)
	require.Empty(t, endless.Errors())
}

// Ctrl-C ends it even where it waits for input.
func TestTriggerInterrupted(t *testing.T) {
	s := startServer(t)
	p := start(t, "trigger", "sensor", "reading", "--lines", "--url", s.url)
	s.await(func() bool {
		list, err := s.dial().RemoteSenders(t.Context())
		require.NoError(t, err)
		return len(senderLines(list, false)) == 1
	}, "the sender")
	p.Signal(os.Interrupt)
	_, code := p.Wait()
	require.Equal(t, exitInterrupted, code)
}

func TestTriggerNobodyListens(t *testing.T) {
	s := startServer(t)
	r := sigRun(t, "trigger", "door", "opened", "--url", s.url)
	require.Equal(t, exitNobody, r.code)
	require.Equal(t, "sig: nobody listens to opened of door; the event was triggered all the same\n", r.stderr)
	require.Equal(t, result{}, sigRun(t, "trigger", "door", "opened", "--unheard", "--url", s.url))

	// Listeners of another event, or of another sender, are none of this one.
	s.heard("window")
	require.Equal(t, exitNobody, sigRun(t, "trigger", "door", "opened", "--url", s.url).code)
	for _, sender := range []string{"door", "*", sig.Any} {
		other := startServer(t)
		other.heard(sender)
		require.Equal(t, result{}, sigRun(t, "trigger", "door", "opened", "--url", other.url), sender)
	}
}

func TestTriggerTaken(t *testing.T) {
	s := startServer(t)
	s.addSender("timer", "tic")
	r := sigRun(t, "trigger", "timer", "tic", "--url", s.url)
	require.Equal(t, exitRemote, r.code)
	require.Contains(t, r.stderr, "timer")
	require.Contains(t, r.stderr, "Another program is this sender")
}

func TestTriggerUsage(t *testing.T) {
	for says, args := range map[string][]string{
		"hello is not JSON":                    {"a", "b", "hello"},
		"open /no/such: no such file":          {"a", "b", "@/no/such"},
		"--count is 0":                         {"a", "b", "--count", "0"},
		"--every is -1s":                       {"a", "b", "--every", "-1s"},
		"--lines and --count do not go":        {"a", "b", "--lines", "--count", "2"},
		`"x" is neither - nor @FILE`:           {"a", "b", "x", "--lines"},
		"event name \"*\" is a pattern":        {"a", "*"},
		"empty sender name":                    {"", "b"},
		"sig trigger needs more arguments":     {"a"},
		"#connect is triggered by routers alo": {"a", "#connect"},
		"--timeout is 0s":                      {"a", "b", "--timeout", "0"},
	} {
		r := sigRun(t, append([]string{"trigger"}, args...)...)
		require.Equal(t, exitUsage, r.code, "%q: %s", args, r.stderr)
		require.Contains(t, r.stderr, says)
	}
}

func TestRequest(t *testing.T) {
	s := startServer(t)
	gate := newGate()
	s.addSender("calc", "tic", gate.answers()...)
	for _, c := range []struct {
		args   []string
		stdout string
		code   int
		stderr string
	}{
		{[]string{"calc", "echo", `{"b": 1, "a": [2]}`}, "{\"b\":1,\"a\":[2]}\n", exitDone, ""},
		{[]string{"calc", "echo"}, "null\n", exitDone, ""},
		{[]string{"calc", "echo", "12345678901234567890", "--json"}, "12345678901234567890\n", exitDone, ""},
		{[]string{"calc", "text"}, "\"plain\\ntext\"\n", exitDone, ""},
		{[]string{"calc", "text", "--raw"}, "plain\ntext\n", exitDone, ""},
		{[]string{"calc", "divide"}, "", exitRemote, "request divide of calc: division by zero"},
		{[]string{"calc", "refuse"}, "", exitRefused, "not permitted"},
		{[]string{"calc", "nothing"}, "", exitNobody, "nothing"},
		{[]string{"nobody", "echo"}, "", exitNobody, "sig senders"},
		{[]string{"calc", "wait", "--timeout", "50ms"}, "", exitTimeout, "request wait of calc: no answer within 50ms; --timeout gives it longer"},
		{[]string{"calc"}, "", exitUsage, "needs more arguments"},
		{[]string{"calc", "echo", "{"}, "", exitUsage, "not JSON"},
		{[]string{"calc", "a\nb"}, "", exitUsage, "control character"},
	} {
		r := sigRun(t, append([]string{"request", "--url", s.url}, c.args...)...)
		require.Equal(t, c.code, r.code, "%q: %s", c.args, r.stderr)
		require.Equal(t, c.stdout, r.stdout, "%q", c.args)
		require.Contains(t, r.stderr, c.stderr, "%q", c.args)
		if c.code == exitDone {
			require.Empty(t, r.stderr)
		}
	}
}

func TestRequestInterrupted(t *testing.T) {
	s := startServer(t)
	gate := newGate()
	s.addSender("slow", "tic", gate.answers()...)
	p := start(t, "request", "slow", "wait", "--url", s.url)
	gate.awaitAsked(t)
	p.Signal(os.Interrupt)
	_, code := p.Wait()
	require.Equal(t, exitInterrupted, code)
	require.Empty(t, p.Errors())
}

// The answering side goes while it is asked: the exit code is that of a lost connection.
func TestRequestAnswererGoes(t *testing.T) {
	s := startServer(t)
	gate := newGate()
	c := s.dial()
	_, err := c.Remote().AddSender("slow", gate.answers()...)
	require.NoError(t, err)
	p := start(t, "request", "slow", "wait", "--url", s.url)
	gate.awaitAsked(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = c.Shutdown(ctx) // it is cut off, as it should be
	_, code := p.Wait()
	require.Equal(t, exitConnect, code, p.Errors())
}

func TestSenders(t *testing.T) {
	s := startServer(t)
	require.Equal(t, result{}, sigRun(t, "senders", "--url", s.url))
	s.addSender("timer", "tic")
	s.heard("door")
	r := sigRun(t, "senders", "--url", s.url)
	require.Equal(t, result{stdout: `{"sender":"door","connected":false}
{"sender":"timer","connected":true}
`}, r)
	r = sigRun(t, "senders", "--events", "--json", "--url", s.url)
	require.Equal(t, result{stdout: `{"sender":"door","connected":false}
{"sender":"timer","connected":true,"events":["tic"]}
`}, r)
}

func TestSendersWatch(t *testing.T) {
	s := startServer(t)
	s.addSender("timer", "tic")
	p := start(t, "senders", "--watch", "--events", "--url", s.url)
	require.Equal(t, `{"sender":"timer","connected":true,"events":["tic"]}`, p.Line())
	sender, err := s.dial().Remote().AddSender("door", sig.Events("opened", "closed"))
	require.NoError(t, err)
	require.Equal(t, `{"sender":"door","connected":true,"events":["closed","opened"]}`, p.Line())
	require.NoError(t, sender.Remove())
	require.Equal(t, `{"sender":"door","connected":false}`, p.Line())
	p.Signal(os.Interrupt)
	lines, code := p.Wait()
	require.Equal(t, exitInterrupted, code)
	require.Empty(t, lines)
}
