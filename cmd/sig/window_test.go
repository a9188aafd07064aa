//go:build unix

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// sizes are the terminals that every live command is looked at in.
func sizes(t *testing.T, fn func(t *testing.T, w, h int)) {
	for _, size := range [][2]int{{80, 24}, {200, 60}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) { fn(t, size[0], size[1]) })
	}
}

func TestListenInWindow(t *testing.T) {
	sizes(t, func(t *testing.T, w, h int) {
		s := startServer(t)
		x := inWindow(t, w, h, "listen", "timer", "tic", "--url", s.url)
		s.awaitPeers(1)
		s.ticking("timer", "tic", 20*time.Millisecond)
		x.await("events", func(s string) bool { return regexpMatch(`(?m)^\d\d:\d\d:\d\d\.\d{3}  timer tic  \d+$`, s) })
		x.resize(60, 10)
		x.await("more of them", func(s string) bool { return strings.Count(s, "timer tic") >= 9 })
		x.press("\x03")
		require.Equal(t, exitInterrupted, x.wait())
		x.await("the summary", func(s string) bool { return regexpMatch(`\d+ events in `, s) })
		x.requireTidy()
	})
}

func TestDemoInWindow(t *testing.T) {
	sizes(t, func(t *testing.T, w, h int) {
		x := inWindow(t, w, h, "demo", "--for", "0", "--listen", "tcp://127.0.0.1:0")
		x.awaitText("A router listens at tcp://127.0.0.1:", "sig listen --url", "+ thermometer  has come: event celsius, request unit")
		x.awaitText("thermometer  celsius  21.0  ==========", "timer        tic      1")
		x.press("\x03")
		require.Equal(t, exitInterrupted, x.wait())
		x.awaitText("Done: ", "sig --help lists the rest.")
		x.requireTidy() // no line is wider than 80
	})
}

func TestSendersWatchInWindow(t *testing.T) {
	sizes(t, func(t *testing.T, w, h int) {
		s := startServer(t)
		s.addSender("timer", "tic")
		x := inWindow(t, w, h, "senders", "--watch", "--events", "--url", s.url)
		x.awaitText("timer  connected  tic")
		sender, err := s.dial().Remote().AddSender("\u202eevil", sig.Events("e"))
		require.NoError(t, err)
		x.awaitText(`+ "\u202eevil"  e`)
		require.NoError(t, sender.Remove())
		x.awaitText(`- "\u202eevil"`)
		x.resize(40, 10)
		s.addSender("later", "e")
		x.awaitText("+ later  e")
		x.press("\x03")
		require.Equal(t, exitInterrupted, x.wait())
		x.requireTidy()
	})
}

// The bench shows how far it is, and wipes that away.
func TestBenchInWindow(t *testing.T) {
	sizes(t, func(t *testing.T, w, h int) {
		s := startServer(t)
		x := inWindow(t, w, h, "bench", "events", "requests", "--for", "400ms", "--url", s.url)
		require.Equal(t, exitDone, x.wait())
		text := x.awaitText("lost", "events", "requests")
		for _, workload := range []string{"events  ", "requests"} {
			require.Regexp(t, workload+`  \[=* *\]  \d+\.\d of 400ms`, x.everything())
		}
		require.Regexp(t, `^ +per second +p50 µs +p90 +p99 +max +lost\n +events +\d+ +\d+ +\d+ +\d+ +\d+ +0\n +requests +\d+ .* 0$`, text)
		x.requireTidy()
	})
}

func TestReplayInWindow(t *testing.T) {
	sizes(t, func(t *testing.T, w, h int) {
		s := startServer(t)
		file := recordingFile(t, testHeader+`{"t":0,"sender":"a","event":"e"}
{"t":100,"sender":"a","event":"e"}
{"t":100,"end":{}}
`)
		x := inWindow(t, w, h, "replay", file, "a", "--url", s.url)
		x.await("progress", func(s string) bool { return strings.Contains(s, "replaying r.ndjson") })
		x.await("how long it takes", func(s string) bool { return regexpMatch(`: 1 of 2 events, the next in 1m\d\ds`, s) })
		x.press("\x03")
		require.Equal(t, exitInterrupted, x.wait())
		x.awaitText("replayed 1 event of 1 sender")
		require.Empty(t, x.problems())
	})
}

// With NO_COLOR there is none, in any command.
func TestNoColorInWindow(t *testing.T) {
	s := startServer(t)
	s.ticking("timer", "tic", 5*time.Millisecond)
	for _, env := range []string{"", "NO_COLOR=1"} {
		for _, args := range [][]string{
			{"top", "--count", "2", "--interval", "100ms", "--url", s.url}, {"listen", "--count", "1", "--url", s.url},
			{"demo", "--for", "100ms", "--listen", "tcp://127.0.0.1:0"},
		} {
			cmd := command(t, args...)
			if env != "" {
				cmd.Env = append(cmd.Env, env)
			}
			x := commandInWindow(t, 80, 24, cmd)
			require.Equal(t, exitDone, x.wait())
			x.mu.Lock()
			styled := x.styled
			x.mu.Unlock()
			require.Equal(t, env == "", styled, "%q %q", env, args)
		}
	}
}
