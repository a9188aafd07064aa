package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const testHeader = `{"sig":"recording","version":1,"started":"2026-01-02T15:04:05Z","router":"tcp://x","sender":">","event":">"}` + "\n"

// recordingFile writes a recording.
func recordingFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "r.ndjson")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

const testLines = `{"t":1,"sender":"a","event":"#connect","data":{"events":["e"]}}
{"t":1,"sender":"a","event":"e","data":1}
{"t":1.1,"sender":"b","event":"f","data":"two"}
{"t":1.2,"sender":"a","event":"e","data":3}
{"t":1.3,"sender":"b.c","event":"f"}
{"t":1.4,"end":{"events":5,"dropped":0,"reason":"done"}}
`

func TestReplayFilters(t *testing.T) {
	s := startServer(t)
	file := recordingFile(t, testHeader+testLines)
	heard := s.heard(">")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"a e 1", `b f "two"`, "a e 3", "b.c f null"}},
		{[]string{"a"}, []string{"a e 1", "a e 3"}},
		{[]string{"b.*"}, []string{"b.c f null"}},
		{[]string{">", "f"}, []string{`b f "two"`, "b.c f null"}},
		{[]string{"--count", "2"}, []string{"a e 1", `b f "two"`}},
		{[]string{"a", "--prefix", "old."}, []string{"old.a e 1", "old.a e 3"}},
	} {
		r := sigRun(t, append([]string{"replay", file, "--rate", "max", "--url", s.url}, c.args...)...)
		require.Equal(t, exitDone, r.code, r.stderr)
		require.Empty(t, r.stdout)
		for _, want := range c.want {
			require.Equal(t, want, next(t, heard), "%q", c.args)
		}
		require.Empty(t, heard)
	}
	cmd := command(t, "replay", "-", "--rate", "max", "--json", "--url", s.url)
	cmd.Stdin = strings.NewReader(testHeader + testLines)
	r := runCommand(t, cmd)
	require.Equal(t, exitDone, r.code, r.stderr)
	var sum replaySummary
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &sum), r.stdout)
	require.Equal(t, replaySummary{File: "standard input", Events: 4, Senders: 3, Seconds: sum.Seconds}, sum)
}

// The pauses are those of the recording, divided by the rate.
func TestReplayRate(t *testing.T) {
	s := startServer(t)
	file := recordingFile(t, testHeader+`{"t":5,"sender":"a","event":"e","data":1}
{"t":6,"sender":"a","event":"e","data":2}
`)
	for rate, least := range map[string]time.Duration{"10": 100 * time.Millisecond, "x100": 10 * time.Millisecond, "1": time.Second} {
		begin := time.Now()
		r := sigRun(t, "replay", file, "--rate", rate, "--url", s.url)
		require.Equal(t, exitDone, r.code, r.stderr)
		require.Contains(t, r.stderr, "has no end; it is being written still")
		require.GreaterOrEqual(t, time.Since(begin), least, rate)
	}
	heard := s.heard("a")
	slow := start(t, "replay", file, "--rate", "0.1", "--url", s.url)
	require.Equal(t, "a e 1", next(t, heard))
	slow.Signal(os.Interrupt)
	_, code := slow.Wait()
	require.Equal(t, exitInterrupted, code)
	require.Empty(t, heard, "ten seconds lie between the two")
}

func TestReplayLoop(t *testing.T) {
	s := startServer(t)
	heard := s.heard(">")
	file := recordingFile(t, testHeader+testLines)
	r := sigRun(t, "replay", file, "a", "--loop", "--count", "5", "--rate", "max", "--url", s.url)
	require.Equal(t, exitDone, r.code, r.stderr)
	for _, want := range []string{"1", "3", "1", "3", "1"} {
		require.Equal(t, "a e "+want, next(t, heard))
	}
	require.Empty(t, heard)
	p := start(t, "replay", file, "--loop", "--rate", "max", "--url", s.url)
	for range 20 {
		next(t, heard)
	}
	p.Signal(os.Interrupt)
	_, code := p.Wait()
	require.Equal(t, exitInterrupted, code)
	require.Regexp(t, `replayed \d+ events of 3 senders`, p.Errors())
}

// Values that were kept when the recording began are kept again.
func TestReplayRetained(t *testing.T) {
	s := startServer(t)
	file := recordingFile(t, testHeader+`{"t":0,"sender":"thermo","event":"celsius","retained":true,"data":21.50}
{"t":60,"sender":"thermo","event":"celsius","data":22}
`)
	p := start(t, "replay", file, "--url", s.url)
	p.await(func() bool {
		r := sigRun(t, "listen", "thermo", "--retained-only", "--raw", "--url", s.url)
		return r.stdout == "21.50\n"
	}, "the kept value")
}

func TestReplayTaken(t *testing.T) {
	s := startServer(t)
	s.addSender("b", "x")
	r := sigRun(t, "replay", recordingFile(t, testHeader+testLines), "--rate", "max", "--url", s.url)
	require.Equal(t, exitRemote, r.code)
	require.Contains(t, r.stderr, `sender "b" is already connected`)
	require.Contains(t, r.stderr, "--prefix gives the senders of the recording other names")
}

// What is wrong with a recording is said with file and line, and nothing is triggered.
func TestReplayBroken(t *testing.T) {
	s := startServer(t)
	heard := s.heard(">")
	event := `{"t":1,"sender":"a","event":"e","data":1}` + "\n"
	for _, c := range []struct{ text, says string }{
		{"", "is empty; sig record writes recordings"},
		{"hello\n", "line 1: this is no recording; one begins with {\"sig\":\"recording\",\"version\":1, and this with hello"},
		{"\x1b[2J\x00" + strings.Repeat("y", 1000), "line 1: this is no recording"},
		{`{"sender":"timer","event":"tic","data":1}` + "\n", "line 1: this is no recording"},
		{`{"sig":"recording","version":9}` + "\n", "line 1: the recording has version 9, and this sig reads version 1"},
		{testHeader + event + "oops\n" + event, "line 3: not a line of a recording: invalid character 'o'"},
		{testHeader + event + `{"t":"x"}` + "\n", "line 3: not a line of a recording"},
		{testHeader + `{"sender":"a","event":"e"}` + "\n", `line 2: no time ("t")`},
		{testHeader + event + `{"t":0.5,"sender":"a","event":"e"}` + "\n", "line 3: the time goes back from 1 s to 0.5 s"},
		{testHeader + `{"t":1e300,"sender":"a","event":"e"}` + "\n", "line 2: the time, 1e+300 s, is more than"},
		{testHeader + `{"t":1,"sender":"a.*","event":"e"}` + "\n", "line 2: sender name \"a.*\" is a pattern"},
		{testHeader + `{"t":1,"event":"e"}` + "\n", "line 2: empty sender name"},
		{testHeader + `{"t":1,"sender":"` + strings.Repeat("x", 300) + `","event":"e"}` + "\n", "line 2: sender name of 300 bytes is longer than 255"},
		{testHeader, "has no events to replay; nothing was triggered"},
	} {
		file := recordingFile(t, c.text)
		r := sigRun(t, "replay", file, "--rate", "max", "--url", s.url)
		require.Equal(t, exitFailed, r.code, "%q: %s", c.text, r.stderr)
		require.Contains(t, r.stderr, file)
		require.Contains(t, r.stderr, c.says)
		require.NotContains(t, r.stderr, "\x1b")
	}
	require.Empty(t, heard)
	require.Contains(t, sigRun(t, "replay", "/dev/zero", "--url", s.url).stderr, "/dev/zero, line 1: the line is longer than 64 MiB")
}

// A file that was cut off is read to its last whole line, wherever it was cut.
func TestReplayCutOff(t *testing.T) {
	s := startServer(t)
	heard := s.heard(">")
	whole := testHeader + testLines
	for _, cut := range []struct{ bytes, events int }{
		{len(whole) - 1, 4}, // a last line without its line break is whole
		{strings.Index(whole, `1.4,"end`), 4},
		{strings.Index(whole, `,"event":"f"}`), 3},
		{strings.Index(whole, `"data":3`) + 7, 2},
		{strings.Index(whole, `"data":3`) + 8, 2},
	} {
		r := sigRun(t, "replay", recordingFile(t, whole[:cut.bytes]), "--rate", "max", "--url", s.url)
		require.Equal(t, exitDone, r.code, r.stderr)
		for range cut.events {
			next(t, heard)
		}
		require.Empty(t, heard)
		if cut.bytes < len(whole)-1 {
			require.Regexp(t, `r\.ndjson, line \d is cut off; the recording is replayed up to there`, r.stderr)
		}
	}
}

func TestReplayUsage(t *testing.T) {
	file := recordingFile(t, testHeader+testLines)
	for says, args := range map[string][]string{
		`--rate is "200"; it can be 0.1 to 100, or max`: {file, "--rate", "200"},
		`--rate is "0.01"`:                           {file, "--rate", "0.01"},
		`--rate is "NaN"`:                            {file, "--rate", "NaN"},
		"--count is -1":                              {file, "--count", "-1"},
		"open /no/such: no such file":                {"/no/such"},
		"/ is no file":                               {"/"},
		"sender name of 301 bytes":                   {file, "--prefix", strings.Repeat("x", 300)},
		"needs more arguments":                       {},
		`event pattern ">.x" has ">" before its end`: {file, "a", ">.x"},
	} {
		r := sigRun(t, append([]string{"replay"}, args...)...)
		require.Equal(t, exitUsage, r.code, "%q: %s", args, r.stderr)
		require.Contains(t, r.stderr, says)
	}
}

// Whatever is read as a recording ends in an error that says where, or not at all.
func FuzzReadRecording(f *testing.F) {
	f.Add([]byte(testHeader + testLines))
	f.Add([]byte(testHeader + `{"t":1,"gap":{"count":3}}` + "\n{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := readRecording("x", strings.NewReader(string(text)))
		for n := 0; err == nil; n++ {
			var l *recordingLine
			if l, err = r.next(); err == nil && l.Gap == nil {
				require.NotEmpty(t, l.Sender)
				require.True(t, json.Valid(l.Data))
				require.LessOrEqual(t, n, len(text))
			}
		}
		if text := fmt.Sprint(err); text != "EOF" {
			require.Contains(t, text, "x")
		}
	})
}
