package main

import (
	"encoding/json"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
)

// The demo needs nothing but itself, shows everything there is, and ends.
func TestDemo(t *testing.T) {
	p := start(t, "demo", "--for", "2500ms", "--listen", "tcp://127.0.0.1:0")
	lines, code := p.Wait()
	require.Equal(t, exitDone, code, p.Errors())
	require.Empty(t, p.Errors())
	text := strings.Join(lines, "\n")
	for _, shown := range []string{
		`^A router listens at tcp://127\.0\.0\.1:[1-9]\d*\. Join in from another shell:`,
		`0\.\d s  \+ timer        has come: event tic\n`,
		`\+ thermometer  has come: event celsius, request unit\n`,
		`  timer        tic      1\n`,
		`  thermometer  celsius  21\.0  ==========\n`,
		`\? thermometer  unit     it answers "°C" after \S+ [µm]?s\n`,
		`- thermometer  has gone`,
		`Done: 2 tics, 3 readings, 1 request\.\nWhat next: sig serve`,
	} {
		require.Regexp(t, shown, text)
	}
}

// Others can join in, and Ctrl-C ends it in order.
func TestDemoJoined(t *testing.T) {
	p := start(t, "demo", "--for", "0", "--listen", "tcp://127.0.0.1:0")
	url := regexp.MustCompile(`tcp://\S+:\d+`).FindString(p.Line())
	for !strings.Contains(p.Line(), "+ thermometer  has come") {
	}
	r := sigRun(t, "trigger", "door", "opened", `{"by":"you"}`, "--url", url)
	require.Equal(t, result{}, r)
	for !strings.Contains(p.Line(), `door         opened   {"by":"you"}`) {
	}
	r = sigRun(t, "request", "thermometer", "unit", "--raw", "--url", url)
	require.Equal(t, result{stdout: "°C\n"}, r)
	p.Signal(os.Interrupt)
	lines, code := p.Wait()
	require.Equal(t, exitInterrupted, code)
	require.Regexp(t, `Done: `, lines[len(lines)-3])
	require.Empty(t, p.Errors())
}

// Where the usual address is taken the demo finds another.
func TestListenFirst(t *testing.T) {
	srv := sigrouter.NewServer()
	defer srv.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	taken := "tcp://" + l.Addr().String()
	url, err := listenFirst(t.Context(), srv, []string{taken, "tcp://127.0.0.1:0"})
	require.NoError(t, err)
	require.NotEqual(t, taken, url)
	_, err = listenFirst(t.Context(), srv, []string{taken})
	require.ErrorContains(t, err, taken)
}

func TestDemoUsage(t *testing.T) {
	require.Equal(t, exitUsage, sigRun(t, "demo", "--for", "-1s").code)
	require.Equal(t, exitUsage, sigRun(t, "demo", "--listen", "nonsense").code)
}

func TestBench(t *testing.T) {
	r := sigRun(t, "bench", "--for", "100ms", "--listeners", "5", "--in-flight", "8")
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Empty(t, r.stderr, "progress is for terminals")
	var names []string
	for line := range strings.Lines(r.stdout) {
		var b benchLine
		require.NoError(t, json.Unmarshal([]byte(line), &b), line)
		names = append(names, b.Workload)
		require.Positive(t, b.Count)
		require.Positive(t, b.PerSecond)
		require.Zero(t, b.Lost)
		require.Positive(t, b.P50)
		require.LessOrEqual(t, b.P50, b.P90)
		require.LessOrEqual(t, b.P90, b.P99)
		require.LessOrEqual(t, b.P99, b.Max)
	}
	require.Equal(t, []string{"requests", "events", "fanout"}, names)
}

func TestBenchAtRouter(t *testing.T) {
	s := startServer(t)
	r := sigRun(t, "bench", "events", "--for", "50ms", "--url", s.url)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Contains(t, r.stdout, `"workload":"events"`)
	require.Equal(t, 2, strings.Count(s.Errors(), "peer connected"))
}

func TestBenchInterrupted(t *testing.T) {
	s := startServer(t)
	for _, workload := range []string{"requests", "events"} {
		p := start(t, "bench", workload, "--for", "1h", "--url", s.url)
		s.await(func() bool {
			list, err := s.dial().RemoteSenders(t.Context())
			require.NoError(t, err)
			return strings.Contains(strings.Join(names(senderLines(list, false)), " "), "sig-bench-")
		}, "the bench's sender")
		p.Signal(os.Interrupt)
		_, code := p.Wait()
		require.Equal(t, exitInterrupted, code)
		s.await(func() bool {
			list, err := s.dial().RemoteSenders(t.Context())
			require.NoError(t, err)
			return len(senderLines(list, false)) == 0
		}, "the end of the bench's sender")
	}
}

func names(lines []senderLine) []string {
	var n []string
	for _, l := range lines {
		n = append(n, l.Sender)
	}
	return n
}

func TestBenchUsage(t *testing.T) {
	for says, args := range map[string][]string{
		`"speed" is no workload; there are requests, events, fanout`: {"speed"},
		"--size is 3; it can be 32 to 1048576 bytes":                 {"--size", "3"},
		"--in-flight is 0; it can be 1 to 10000":                     {"--in-flight", "0"},
		"--listeners is -1":                                          {"--listeners", "-1"},
		"--for is 0s":                                                {"--for", "0"},
	} {
		r := sigRun(t, append([]string{"bench"}, args...)...)
		require.Equal(t, exitUsage, r.code, "%q: %s", args, r.stderr)
		require.Contains(t, r.stderr, says)
	}
}
