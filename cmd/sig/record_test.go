//go:build unix

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// payloads that no part of the way may touch.
func awkwardPayloads() []string {
	return []string{
		`null`, `{"b": 1,  "a":[ ]}`, `12345678901234567890`, `1.50e1`, `-0`, `"\ud800"`, `"<&>\u00e9é\/"`, `{"a":1,"a":2}`, `"` + strings.Repeat("x", 100_000) + `"`,
	}
}

// startRecording starts a recording and waits until it records.
func (s *server) startRecording(args ...string) *process {
	s.t.Helper()
	c := s.dial()
	defer func() { _ = c.Close() }() // only asked
	was, err := askRouter[router.Status](s.t.Context(), c.Remote(), "status", nil)
	require.NoError(s.t, err)
	p := start(s.t, append([]string{"record", "--url", s.url}, args...)...)
	s.await(func() bool {
		status, err := askRouter[router.Status](s.t.Context(), c.Remote(), "status", nil)
		require.NoError(s.t, err)
		return status.Listeners > was.Listeners
	}, "the listener of the recording")
	return p
}

// dataOf are the data of the events in a recording, as they stand there.
func dataOf(t *testing.T, file, sender string) (data []string) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	r, err := readRecording(file, f)
	require.NoError(t, err)
	for {
		l, err := r.next()
		if err != nil {
			require.True(t, r.ended, "the recording has an end")
			return data
		}
		if l.matches(sender, sig.Any) {
			data = append(data, string(l.Data))
		}
	}
}

// What was recorded is triggered again, by the same senders, byte for byte.
func TestRecordAndReplay(t *testing.T) {
	s := startServer(t)
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.ndjson"), filepath.Join(dir, "second.ndjson")
	rec := s.startRecording(first)
	peer := s.raw()
	require.Contains(t, peer.call(`{"id":1,"method":"add_sender","params":{"sender":"odd","events":["e"]}}`), `"status":0`)
	for _, data := range append(awkwardPayloads(), "{\r\n\"n\":\n1}") {
		require.Contains(t, peer.call(`{"id":2,"method":"signal","params":{"info":{"sender":"odd","event":"e"},"data":`+data+`}}`), `"status":0`, data)
	}
	rec.await(func() bool {
		text, _ := os.ReadFile(first)
		return strings.Contains(string(text), `"n": 1}`) || strings.Contains(string(text), `"n":1}`) || strings.Contains(string(text), `{  "n": 1}`)
	}, "the last event in the file")
	rec.Signal(os.Interrupt)
	lines, code := rec.Wait()
	require.Equal(t, exitInterrupted, code)
	require.Empty(t, lines)
	require.Regexp(t, `^recorded \d+ events in [\d.]+ s to \S+first.ndjson \(\d+ kB\)\n$`, rec.Errors())
	require.Equal(t, awkwardPayloads(), dataOf(t, first, "odd")[:len(awkwardPayloads())])
	require.NoError(t, peer.conn.Close())
	s.awaitLogs("peer disconnected", 1)

	again := s.startRecording(second)
	r := sigRun(t, "replay", first, "--rate", "max", "--url", s.url)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Regexp(t, `^replayed 10 events of 1 sender in [\d.]+ s\n$`, r.stderr)
	again.await(func() bool {
		text, _ := os.ReadFile(second)
		return strings.Contains(string(text), `"#disconnect"`)
	}, "the end of the replay")
	again.Signal(syscall.SIGTERM)
	_, code = again.Wait()
	require.Equal(t, exitInterrupted, code)
	require.Equal(t, dataOf(t, first, "odd"), dataOf(t, second, "odd"))
}

func TestRecordEnds(t *testing.T) {
	s := startServer(t)
	trigger := s.addSender("timer", "tic")
	dir := t.TempDir()

	file := filepath.Join(dir, "count.ndjson")
	rec := s.startRecording(file, "timer", "tic", "--count", "2", "--json")
	for n := range 3 {
		trigger(n)
	}
	lines, code := rec.Wait()
	require.Equal(t, exitDone, code, rec.Errors())
	require.Empty(t, rec.Errors())
	require.Len(t, lines, 1)
	var sum recordSummary
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &sum))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, recordSummary{File: file, Events: 2, Bytes: sum.Bytes, Seconds: sum.Seconds}, sum)
	require.Positive(t, sum.Bytes)
	require.Greater(t, info.Size(), sum.Bytes-1)
	require.Equal(t, []string{"0", "1"}, dataOf(t, file, "timer"))

	r := sigRun(t, "record", filepath.Join(dir, "time.ndjson"), "timer", "--duration", "50ms", "--url", s.url)
	require.Equal(t, exitDone, r.code)
	require.Contains(t, r.stderr, "recorded 0 events")
	r = sigRun(t, "record", filepath.Join(dir, "few.ndjson"), "timer", "--duration", "50ms", "--count", "1", "--url", s.url)
	require.Equal(t, exitTimeout, r.code)
	require.Contains(t, r.stderr, "0 of 1 events came")

	// A file that is there stays, and nothing is asked of the router for it.
	r = sigRun(t, "record", file, "--url", "tcp://127.0.0.1:1")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.stderr, file+" is there already; --force writes over it")
	r = sigRun(t, "record", file, "--force", "--duration", "1ms", "--url", s.url)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Empty(t, dataOf(t, file, sig.Any))
	r = sigRun(t, "record", dir, "--url", s.url)
	require.Contains(t, r.stderr, "is a directory")

	// No file is made for a router that is not there.
	none := filepath.Join(dir, "none.ndjson")
	require.Equal(t, exitConnect, sigRun(t, "record", none, "--url", "tcp://127.0.0.1:1").code)
	require.NoFileExists(t, none)
}

func TestRecordToStandardOutput(t *testing.T) {
	s := startServer(t)
	rec := s.startRecording("-", "timer", "tic", "--count", "1")
	require.Regexp(t, `^\{"sig":"recording","version":1,"started":"20.*Z","router":"`+s.url+`","sender":"timer","event":"tic"\}$`, rec.Line())
	s.addSender("timer", "tic")(7)
	require.Regexp(t, `^\{"t":\d+\.\d{6},"sender":"timer","event":"tic","data":7\}$`, rec.Line())
	require.Regexp(t, `^\{"t":\d+\.\d{6},"end":\{"events":1,"dropped":0,"reason":"done"\}\}$`, rec.Line())
	_, code := rec.Wait()
	require.Equal(t, exitDone, code)
}

// A full disk ends the recording with an error, and is nothing to the router and to others
// who listen.
func TestRecordDiskFull(t *testing.T) {
	s := startServer(t)
	listener := start(t, "listen", "timer", "tic", "--raw", "--url", s.url)
	s.awaitListener("timer", "tic")
	trigger := s.addSender("timer", "tic")
	r := sigRun(t, "record", "/dev/full", "--url", s.url)
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, "recording stopped after 0 events: write /dev/full: no space left on device")

	// A file that may grow to 8 kB.
	file := filepath.Join(t.TempDir(), "limited.ndjson")
	cmd := command(t)
	limited := exec.Command("bash", "-c", `ulimit -f 8; exec "$0" "$@"`, cmd.Path, "record", file, "--url", s.url)
	limited.Env = cmd.Env
	rec := startCommand(t, limited)
	rec.await(func() bool {
		trigger(strings.Repeat("x", 900))
		select {
		case <-rec.Exited:
			return true
		default:
			return false
		}
	}, "the end of the recording")
	_, code := rec.Wait()
	require.Equal(t, exitFailed, code)
	require.Contains(t, rec.Errors(), "file too large")
	require.Contains(t, rec.Errors(), "recording stopped after 8 events")

	// The recording is good up to its last whole line.
	r = sigRun(t, "replay", file, "--rate", "max", "--prefix", "x.", "--url", s.url)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Regexp(t, `limited.ndjson, line 10 is cut off; the recording is replayed up to there\nreplayed 8 events`, r.stderr)

	trigger("alive")
	listener.await(func() bool { return listener.Line() == "alive" }, "an event after all that")
}

// When nobody takes what is recorded, the router drops events for the recording alone, and
// the recording says how many.
func TestRecordSlowDisk(t *testing.T) {
	s := startServer(t)
	file := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(file, 0o600))
	out, err := os.OpenFile(file, os.O_RDWR, 0) // read and write, or opening it would wait
	require.NoError(t, err)
	rec := s.startRecording(file, "flood", "e")
	trigger := s.addSender("flood", "e")
	const events = 6000
	data := strings.Repeat("x", 1000)
	for range events {
		trigger(data)
	}
	r, err := readRecording(file, out)
	require.NoError(t, err)
	got, dropped := 0, uint64(0)
	for got+int(dropped) < events {
		l, err := r.next()
		require.NoError(t, err)
		if l.Gap != nil {
			dropped += l.Gap.Count
			require.Equal(t, "dropped by the server: too slow", l.Gap.Reason)
		} else {
			got++
		}
	}
	require.Positive(t, dropped)
	require.NotContains(t, s.Errors(), "peer disconnected\" peer=\"sig record")
	rec.Signal(os.Interrupt)
	_, code := rec.Wait()
	require.Equal(t, exitInterrupted, code)
	require.Contains(t, rec.Errors(), "dropped, the disk was too slow")
}

// A connection that was lost is a gap.
func TestRecordReconnects(t *testing.T) {
	s := startServer(t)
	file := filepath.Join(t.TempDir(), "r.ndjson")
	rec := s.startRecording(file, "timer")
	require.NoError(t, s.Cmd.Process.Kill())
	<-s.Exited
	again := startServer(t, "--listen", s.url)
	again.awaitPeers(1)
	trigger := again.addSender("timer", "tic")
	rec.await(func() bool {
		trigger("back")
		text, _ := os.ReadFile(file)
		return strings.Contains(string(text), `"gap":{"reason":"no connection for `) && strings.Contains(string(text), `"data":"back"`)
	}, "the gap and what comes behind it")
	rec.Signal(os.Interrupt)
	rec.Wait()
	require.Contains(t, rec.Errors(), "1 time without a connection in which events are missing")
	r := sigRun(t, "replay", file, "--prefix", "x.", "--rate", "max", "--url", again.url)
	require.Contains(t, r.stderr, "the connection was lost 1 time while it was made")
}

func TestRecordProgress(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {200, 60}, {30, 5}} {
		s := startServer(t)
		s.ticking("timer", "tic", 5*time.Millisecond)
		x := inWindow(t, size[0], size[1], "record", strings.Repeat("n", 20)+".ndjson", "--url", s.url)
		x.await("progress", func(s string) bool { return regexpMatch(`recording to nnnn`, s) })
		if size[0] >= 80 {
			x.await("numbers", func(s string) bool { return regexpMatch(`recording to n+\.ndjson: \d+ events, [\d.]+ k?B, \ds`, s) })
		}
		x.press("\x03")
		require.Equal(t, exitInterrupted, x.wait())
		text := x.await("the summary", func(s string) bool { return strings.Contains(s, "recorded ") })
		if size[0] >= 80 { // else the terminal's own ^C goes over the edge
			require.NotContains(t, text, "recording to")
			x.requireTidy()
		}
	}
}

func TestRecordUsage(t *testing.T) {
	for says, args := range map[string][]string{
		"needs more arguments":                 {},
		"--count is -1":                        {"f", "--count", "-1"},
		"--duration is -1s":                    {"f", "--duration", "-1s"},
		"--sync is -1s":                        {"f", "--sync", "-1s"},
		"record to a file":                     {"-", "--json"},
		`sender pattern "a.>.b" has ">" befor`: {"f", "a.>.b"},
	} {
		r := sigRun(t, append([]string{"record"}, args...)...)
		require.Equal(t, exitUsage, r.code, "%q: %s", args, r.stderr)
		require.Contains(t, r.stderr, says)
	}
}
