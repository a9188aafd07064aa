package main

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/programs"
	"github.com/sigrouter/sigrouter/sig"
)

// without the time, which is another one each time.
func parseEvent(t *testing.T, line string) eventLine {
	t.Helper()
	var e eventLine
	require.NoError(t, json.Unmarshal([]byte(line), &e), line)
	at, err := time.Parse(time.RFC3339Nano, e.Time)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, time.Minute)
	e.Time = ""
	return e
}

// The three shells of the first steps: a router, a listener, and a program that knows
// nothing but sockets and JSON.
func TestThreeShells(t *testing.T) {
	s := startServer(t, "--listen", "tcp://127.0.0.1:0", "--listen", "unix:sig.sock")
	l := start(t, "listen", "timer", "tic", "--count", "3", "--json", "--url", s.url)
	s.awaitListener("timer", "tic")
	for n := range 3 {
		p := s.raw()
		require.JSONEq(t, `{"id":1,"status":0,"response":null}`,
			p.call(`{"id":1,"method":"add_sender","params":{"sender":"timer","events":["tic"]}}`))
		require.JSONEq(t, `{"id":2,"status":0,"response":null}`,
			p.call(`{"id":2,"method":"signal","params":{"info":{"sender":"timer","event":"tic"},"data":{"n":1}}}`))
		require.Equal(t, eventLine{Sender: "timer", Event: "tic", Data: json.RawMessage(`{"n":1}`)}, parseEvent(t, l.Line()), "event %d", n)
		require.NoError(t, p.conn.Close())
		s.awaitLogs("peer disconnected", n+1)
	}
	lines, code := l.Wait()
	require.Equal(t, exitDone, code)
	require.Empty(t, lines)
	require.Empty(t, l.Errors())
}

// Each event is written when it comes, in every output mode, and no more of them than
// --count says.
func TestListenCount(t *testing.T) {
	s := startServer(t)
	for _, mode := range [][]string{{"--raw"}, {"--json"}, nil, {"--format", "{{.N}}: {{json .Data}}"}} {
		l := start(t, append([]string{"listen", "door", "opened", "--count", "2", "--url", s.url}, mode...)...)
		s.awaitListener("door", "opened")
		sender, err := s.dial().Remote().AddSender("door", sig.Events("opened"))
		require.NoError(t, err)
		opened, err := sender.Signal("opened")
		require.NoError(t, err)
		require.NoError(t, opened.Trigger("a\tb"))
		first := l.Line() // while it still runs
		for range 5 {
			require.NoError(t, opened.Trigger("more"))
		}
		lines, code := l.Wait()
		require.Equal(t, exitDone, code)
		require.Len(t, lines, 1, "%q", mode)
		switch {
		case mode == nil || mode[0] == "--json":
			require.Equal(t, eventLine{Sender: "door", Event: "opened", Data: json.RawMessage(`"a\tb"`)}, parseEvent(t, first))
		case mode[0] == "--raw":
			require.Equal(t, "a\tb", first)
		default:
			require.Equal(t, `1: "a\tb"`, first)
		}
		require.NoError(t, sender.Remove())
	}
}

func TestListenTooFew(t *testing.T) {
	s := startServer(t)
	for _, limit := range [][]string{{"--timeout", "50ms"}, {"--idle", "50ms"}} {
		r := sigRun(t, append([]string{"listen", "--url", s.url}, limit...)...)
		require.Equal(t, result{}, r, "without --count that is no failure")
		r = sigRun(t, append([]string{"listen", "--url", s.url, "--count", "1"}, limit...)...)
		require.Equal(t, exitTimeout, r.code)
		require.Contains(t, r.stderr, "0 of 1 events came")
	}
}

func TestListenInterrupted(t *testing.T) {
	s := startServer(t)
	for _, sign := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		l := start(t, "listen", "timer", "tic", "--url", s.url)
		s.awaitListener("timer", "tic")
		sender, err := s.dial().Remote().AddSender("timer", sig.Events("tic"))
		require.NoError(t, err)
		tic, err := sender.Signal("tic")
		require.NoError(t, err)
		require.NoError(t, tic.Trigger(1))
		l.Line()
		l.Signal(sign)
		lines, code := l.Wait()
		require.Equal(t, exitInterrupted, code)
		require.Empty(t, lines)
		require.Regexp(t, `^1 event in [0-9.]+m?s\n$`, l.Errors())
		require.NoError(t, sender.Remove())
	}
}

// Who reads no more, as head, ends the listening without a word.
func TestListenBrokenPipe(t *testing.T) {
	s := startServer(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	cmd := command(t, "listen", "timer", "tic", "--url", s.url)
	cmd.Stdout = w
	var stderr programs.Text
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	require.NoError(t, w.Close())
	s.awaitListener("timer", "tic")
	require.NoError(t, r.Close())
	s.addSender("timer", "tic")(1)
	err = cmd.Wait()
	require.Error(t, err)
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.Equal(t, syscall.SIGPIPE, status.Signal(), "%v", err)
	require.Empty(t, stderr.String())
}

func TestListenRetainedOnly(t *testing.T) {
	s := startServer(t)
	r := sigRun(t, "listen", "thermo", "--retained-only", "--url", s.url)
	require.Equal(t, result{}, r, "there is nothing yet")

	sender, err := s.dial().Remote().AddSender("thermo", sig.RetainValue("celsius", 21.5), sig.RetainValue("unit", "°C"), sig.Events("plain"))
	require.NoError(t, err)
	plain, err := sender.Signal("plain")
	require.NoError(t, err)
	require.NoError(t, plain.Trigger(1))
	for range 20 { // the values come right behind an answer: none may be missed
		r = sigRun(t, "listen", "thermo", "--retained-only", "--json", "--url", s.url)
		require.Equal(t, exitDone, r.code)
		require.Empty(t, r.stderr)
		lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
		require.Len(t, lines, 2)
		require.Equal(t, eventLine{Sender: "thermo", Event: "celsius", Data: json.RawMessage("21.5"), Retained: true}, parseEvent(t, lines[0]))
		require.Equal(t, eventLine{Sender: "thermo", Event: "unit", Data: json.RawMessage(`"°C"`), Retained: true}, parseEvent(t, lines[1]))
	}
}

func TestListenPatterns(t *testing.T) {
	s := startServer(t)
	below := start(t, "listen", "post", "address", "--below", "--raw", "--count", "2", "--url", s.url)
	pattern := start(t, "listen", "post", "address.*", "--raw", "--count", "1", "--url", s.url)
	channel := start(t, "listen", ">", "address.usa", "--raw", "--count", "1", "--url", s.url)
	s.awaitPeers(3)
	s.awaitListener("post", "address")
	sender, err := s.dial().Remote().AddSender("post", sig.Events("address", "address.usa", "other"))
	require.NoError(t, err)
	// Whoever is not listening yet misses these; so they are triggered until all have had
	// theirs.
	for _, p := range []*process{below, pattern, channel} {
		p.await(func() bool {
			for _, event := range []string{"other", "address", "address.usa"} {
				signal, err := sender.Signal(event)
				require.NoError(t, err)
				require.NoError(t, signal.Trigger(event))
			}
			return len(p.Lines) > 0
		}, "an event")
	}
	lines, _ := below.Wait()
	require.Equal(t, []string{"address", "address.usa"}, lines)
	lines, _ = pattern.Wait()
	require.Equal(t, []string{"address.usa"}, lines)
	lines, _ = channel.Wait()
	require.Equal(t, []string{"address.usa"}, lines)
}

// A router that comes back finds its listener again.
func TestListenReconnects(t *testing.T) {
	s := startServer(t)
	l := start(t, "listen", "timer", "tic", "--raw", "--url", s.url)
	s.awaitListener("timer", "tic")
	s.Signal(syscall.SIGTERM)
	_, code := s.Wait()
	require.Equal(t, exitDone, code)
	again := startServer(t, "--listen", s.url)
	again.awaitListener("timer", "tic")
	again.addSender("timer", "tic")("back")
	require.Equal(t, "back", l.Line())
	require.Regexp(t, `connection to \S+ lost \(.*\); connecting again\nsig: connected to \S+ again\n`, l.Errors())
}

func TestListenNoReconnect(t *testing.T) {
	s := startServer(t)
	l := start(t, "listen", "timer", "tic", "--no-reconnect", "--url", s.url)
	s.awaitListener("timer", "tic")
	s.Signal(syscall.SIGTERM)
	_, code := l.Wait()
	require.Equal(t, exitConnect, code)
	require.Contains(t, l.Errors(), "connection to "+s.url+" lost")
}

func TestListenUsage(t *testing.T) {
	for says, args := range map[string][]string{
		`sender pattern "a.>.b" has ">" before its end`: {"a.>.b"},
		"empty event name":                 {"a", ""},
		"--count is -1":                    {"--count", "-1"},
		"--format: template":               {"--format", "{{"},
		`--color is "pink"`:                {"--color", "pink"},
		`"c", which is too much`:           {"a", "b", "c"},
		"--cert and --key go together":     {"--cert", "x"},
		"--token-file: open /no/such: no ": {"--token-file", "/no/such"},
		`"nonsense" is no address`:         {"--url", "nonsense"},
	} {
		r := sigRun(t, append([]string{"listen"}, args...)...)
		require.Equal(t, exitUsage, r.code, "%q: %s", args, r.stderr)
		require.Contains(t, r.stderr, says)
		require.Empty(t, r.stdout)
	}
}
