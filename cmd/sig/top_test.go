//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

func TestTopLive(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {200, 60}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			s := startServer(t)
			s.ticking("timer", "tic", 2*time.Millisecond)
			s.ticking("slow", "tick", 50*time.Millisecond)
			s.addSender("calc", "unused", newGate().answers()...)
			x := inWindow(t, size[0], size[1], "top", "--url", s.url, "--interval", "100ms")

			// The header, and the busiest first.
			text := x.await("rates", func(s string) bool {
				return strings.Contains(s, "router  up ") && strings.Contains(s, "timer") && strings.Contains(s, "3 signals")
			})
			x.await("the busiest first", func(s string) bool {
				fast, slow := strings.Index(s, "timer"), strings.Index(s, "slow ")
				return fast > 0 && fast < slow
			})
			require.Contains(t, text, "[1 signals]  2 peers   3 requests")
			require.Contains(t, text, "SENDER")
			require.Contains(t, text, "q quit")
			x.await("the last value", func(s string) bool { return regexpMatch(`timer +tic +[\d.]+ +[\d,]+ +0 +\d+`, s) })

			// By name, turned round.
			x.press("r")
			x.await("the laziest first", func(s string) bool { return strings.Index(s, "calc") < strings.Index(s, "timer") })
			x.press("r2")
			x.awaitText("[2 peers]", "sig top", "tcp 127.0.0.1:")
			x.press("\t")
			x.awaitText("[3 requests]", "Nothing was asked yet.")
			require.Zero(t, sigRun(t, "request", "calc", "echo", "1", "--url", s.url).code)
			x.await("the request", func(s string) bool { return regexpMatch(`calc +echo +[\d.]+ .* (µs|ms|s)`, s) })
			x.press("\x1b[D\x1b[D") // left, twice
			x.awaitText("[1 signals]")

			// A filter.
			x.press("/TIM")
			x.await("the filter", func(s string) bool { return strings.Contains(s, "/TIM_") && !strings.Contains(s, "slow ") })
			x.press("ex\r")
			x.awaitText("/TIMex", "Nothing has this in its name")
			x.press("\x1b")
			x.awaitText("slow ")

			x.press("?")
			x.awaitText("Ctrl-L")
			x.press("?p")
			x.awaitText("paused")
			x.press("p")
			x.await("going on", func(s string) bool { return !strings.Contains(s, "paused") })

			x.resize(120, 30)
			x.await("the new size", func(s string) bool {
				lines := strings.Split(s, "\n")
				return len(lines) == 30 && strings.HasPrefix(lines[29], "q quit")
			})
			x.resize(60, 10)
			x.await("the new size", func(s string) bool {
				lines := strings.Split(s, "\n")
				return len(lines) == 10 && strings.HasPrefix(lines[9], "q quit")
			})
			x.press("q")
			require.Equal(t, exitDone, x.wait())
			x.requireTidy()
		})
	}
}

// Whoever presses Ctrl-C, or ends it from elsewhere, gets the terminal back.
func TestTopInterrupted(t *testing.T) {
	s := startServer(t)
	for name, end := range map[string]func(*window){
		"Ctrl-C":  func(x *window) { x.press("\x03") },
		"SIGTERM": func(x *window) { require.NoError(t, x.cmd.Process.Signal(syscall.SIGTERM)) },
		"SIGINT":  func(x *window) { require.NoError(t, x.cmd.Process.Signal(os.Interrupt)) },
	} {
		t.Run(name, func(t *testing.T) {
			x := inWindow(t, 80, 24, "top", "--url", s.url)
			x.awaitText("No sender has come yet.")
			end(x)
			require.Equal(t, exitInterrupted, x.wait())
			x.await("the shell's screen", func(string) bool { return !x.onAlt() })
			x.requireTidy()
		})
	}
}

func (e *emulator) onAlt() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.alt
}

// Names are anybody's: whatever they are made of, columns stay where they are.
func TestTopHostileNames(t *testing.T) {
	s := startServer(t)
	names := []string{
		"\u202eevil", "z\u0300\u0301\u0302\u0303\u0304\u0305\u0306" + strings.Repeat("\u0301", 100), "名前は長い" + strings.Repeat("長", 80),
		strings.Repeat("x", 255), "👩‍👩‍👧 family", "\u200b\u200b", "a b", "-", "%s%n", `"quoted"`,
	}
	require.Zero(t, sigRun(t, "request", "#router", "status", "--url", s.url).code) // from here on it counts
	for _, n := range names {
		trigger := s.addSender(n, n)
		trigger("\x1b[2J\u202e\n" + n)
	}
	for _, size := range [][2]int{{80, 24}, {200, 60}, {40, 12}, {7, 3}, {1, 1}} {
		x := inWindow(t, size[0], size[1], "top", "--url", s.url, "--interval", "100ms")
		if size[0] > 20 {
			x.await("counts", func(s string) bool {
				n := 0
				for line := range strings.Lines(s) {
					if regexpMatch(` 1 +0\b`, line) {
						n++
					}
				}
				return n >= min(len(names), size[1]-6) || size[0] < 80 && strings.Contains(s, "xxx")
			})
		}
		if size[0] == 80 {
			rows := strings.Split(x.text(), "\n")[5:]
			for _, row := range rows[:len(names)] {
				require.Equal(t, "1", strings.TrimSpace(columnsOf(row, 40, 53)), "%q", row)
			}
		}
		x.await("its own screen", func(string) bool { return x.onAlt() })
		x.press("2")
		x.press("3")
		x.press("?")
		x.press("q")
		require.Equal(t, exitDone, x.wait())
		x.await("the shell's screen", func(string) bool { return !x.onAlt() })
		x.requireTidy()
	}
}

// columnsOf cuts columns out of a line as a terminal shows it.
func columnsOf(line string, from, to int) string {
	var b strings.Builder
	at := 0
	for _, r := range line {
		if at >= from && at < to {
			b.WriteRune(r)
		}
		at += widthHere(r)
	}
	return b.String()
}

// A router that goes leaves its last picture, marked; when it is back that goes on.
func TestTopStale(t *testing.T) {
	s := startServer(t)
	s.ticking("timer", "tic", 20*time.Millisecond)
	x := inWindow(t, 100, 20, "top", "--url", s.url, "--interval", "100ms")
	x.awaitText("timer")
	require.NoError(t, s.Cmd.Process.Kill())
	x.awaitText("stale since", "connection to "+s.url+" lost", "timer")
	again := startServer(t, "--listen", s.url)
	again.addSender("other", "tic")
	x.await("the new router", func(s string) bool {
		return strings.Contains(s, "other") && !strings.Contains(s, "stale")
	})
	x.press("q")
	require.Equal(t, exitDone, x.wait())
	x.await("the shell's screen", func(string) bool { return !x.onAlt() })
	x.requireTidy()
}

func TestTopScrolls(t *testing.T) {
	s := startServer(t)
	var events []string
	for i := range 100 {
		events = append(events, fmt.Sprintf("e%02d", i))
	}
	s.addSender("many", "e99", sig.Events(events[:99]...))
	x := inWindow(t, 80, 24, "top", "--url", s.url, "--sort", "event")
	x.awaitText("e00", "e17", "1-18 of 100")
	x.press("\x1b[B")
	x.awaitText("2-19 of 100")
	x.press("\x1b[6~")
	x.awaitText("20-37 of 100", "e19 ")
	x.press("G")
	x.awaitText("83-100 of 100", "e99 ")
	x.press("\x1b[5~\x1b[H")
	x.awaitText("1-18 of 100")
	x.press("q")
	require.Equal(t, exitDone, x.wait())
}

func TestTopJSON(t *testing.T) {
	s := startServer(t)
	s.ticking("timer", "tic", 5*time.Millisecond)
	s.addSender("calc", "unused", newGate().answers()...)
	require.Zero(t, sigRun(t, "request", "calc", "echo", "1", "--url", s.url).code)
	p := start(t, "top", "--count", "2", "--interval", "200ms", "--url", s.url, "--name", "looker")
	lines, code := p.Wait()
	require.Equal(t, exitDone, code, p.Errors())
	require.Empty(t, p.Errors())
	require.Len(t, lines, 2)
	for _, line := range lines {
		var l topLine
		require.NoError(t, json.Unmarshal([]byte(line), &l), line)
		require.Equal(t, "router", l.Name)
		require.Positive(t, l.In)
		require.Positive(t, l.Events)
		require.Equal(t, 2, l.Totals.Signals)
		require.Equal(t, "timer", l.Signals[0].Sender)
		require.Positive(t, l.Signals[0].Rate, "even the first picture has rates")
		require.Positive(t, l.Signals[0].Count)
		require.NotEmpty(t, l.Signals[0].Last)
		require.Len(t, l.Peers, 3)
		require.Contains(t, line, `"name":"looker"`)
		require.Len(t, l.Methods, 0)
	}
}

// Whatever the carrier: it is a request like any other.
func TestTopOverOtherCarriers(t *testing.T) {
	s := startServer(t, "--listen", "tcp://127.0.0.1:0", "--listen", "unix:top.sock", "--listen", "ws://127.0.0.1:0/sig")
	s.ticking("timer", "tic", 20*time.Millisecond)
	for _, url := range s.ready.Listen {
		r := sigRun(t, "top", "--count", "1", "--url", strings.Replace(url, "unix:top.sock", "unix://"+s.Cmd.Dir+"/top.sock", 1))
		require.Equal(t, exitDone, r.code, "%s: %s", url, r.stderr)
		require.Contains(t, r.stdout, `"sender":"timer"`, url)
	}
}

func TestTopPlain(t *testing.T) {
	s := startServer(t)
	s.ticking("timer", "tic", 5*time.Millisecond)
	s.addSender("very.long.name."+strings.Repeat("x", 100), "tic")
	r := sigRun(t, "top", "--plain", "--count", "1", "--url", s.url)
	require.Equal(t, exitDone, r.code, r.stderr)
	lines := strings.Split(r.stdout, "\n")
	require.Regexp(t, `^\d\d:\d\d:\d\d  router  up \ds  events [\d.]+/s  sent 0\.0/s  requests 0\.0/s  dropped 0$`, lines[0])
	require.Regexp(t, `^3 peers  2 senders  2 signals  0 listeners  0 B queued  [\d.]+ [kM]B heap$`, lines[1])
	require.Regexp(t, `^SENDER +EVENT +PER SEC +COUNT +HEARD BY +LAST$`, lines[2])
	require.Regexp(t, `^timer +tic +[\d.]+ +[\d,]+ +0  \d+$`, lines[3])
	require.Regexp(t, `^very\.long\.name\.x{100} +tic +0\.0 +0 +0$`, lines[4])

	p := start(t, "top", "--plain", "--interval", "100ms", "--view", "peers", "--sort", "name", "--rows", "1", "--url", s.url, "--name", "a")
	p.await(func() bool { return regexpMatch(`^a +tcp 127\.0\.0\.1:\d+ `, p.Line()) }, "the peer with a name before those without")
}

// A router that is no longer there is asked again, and the pictures go on.
func TestTopPlainReconnects(t *testing.T) {
	s := startServer(t)
	p := start(t, "top", "--json", "--interval", "100ms", "--url", s.url)
	p.Line()
	s.Signal(syscall.SIGTERM)
	_, code := s.Wait()
	require.Equal(t, exitDone, code)
	again := startServer(t, "--listen", s.url)
	again.addSender("new", "tic")
	p.await(func() bool { return strings.Contains(p.Line(), `"sender":"new"`) }, "the new router")
	p.Signal(os.Interrupt)
	_, code = p.Wait()
	require.Equal(t, exitInterrupted, code)
}

func TestTopNoReconnect(t *testing.T) {
	s := startServer(t)
	p := start(t, "top", "--json", "--interval", "100ms", "--no-reconnect", "--url", s.url)
	p.Line()
	s.Signal(syscall.SIGTERM)
	_, code := p.Wait()
	require.Equal(t, exitConnect, code)
	require.Regexp(t, "lost|shutting down", p.Errors())
}

// A router of another make does not know what is asked.
func TestTopForeignRouter(t *testing.T) {
	url := fakeRouter(t, `{"id":1,"status":-2,"response":null,"exception":"sender #router not found","error":{"code":"no_sender"}}`+"\n")
	r := sigRun(t, "top", "--url", url)
	require.NotZero(t, r.code)
	require.Empty(t, r.stdout)
}

func TestTopUsage(t *testing.T) {
	for says, args := range map[string][]string{
		`--view is "x"; it can be signals, peers, requests`:                  {"--view", "x"},
		`--sort is "x"; signals can be sorted by sender, event, rate, count`: {"--sort", "x"},
		"--interval is 1ms; it can be 100ms or more":                         {"--interval", "1ms"},
		"--count is -1":                         {"--count", "-1"},
		"--rows is -1":                          {"--rows", "-1"},
		"--plain and --json do not go together": {"--plain", "--json"},
	} {
		r := sigRun(t, append([]string{"top"}, args...)...)
		require.Equal(t, exitUsage, r.code, "%q: %s", args, r.stderr)
		require.Contains(t, r.stderr, says)
	}
}

// BenchmarkTopPicture draws ten thousand signals and a thousand peers.
func BenchmarkTopPicture(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	require.NoError(b, err)
	defer null.Close()
	c := router.Changes{Reset: true, Status: &router.Status{Name: "router", Now: time.Now()}}
	for i := range uint64(10_000) {
		c.Signals = append(c.Signals, router.SignalStatus{ID: i, Sender: fmt.Sprintf("sensor.%d", i), Event: "celsius", Rate: float64(i % 100)})
	}
	for i := range uint64(1000) {
		c.Peers = append(c.Peers, router.PeerInfo{ID: i, Name: fmt.Sprintf("peer.%d", i)})
	}
	t := &liveTop{printer: &printer{}, screen: &screen{out: null, width: 200, height: 60}, view: viewSignals, views: map[string]*topView{}, paused: true}
	for _, v := range topViews {
		t.views[v] = &topView{sort: "rate"}
	}
	t.model.take(topAnswer{changes: []router.Changes{c}, at: time.Now()})
	for n := 0; b.Loop(); n++ {
		t.view = topViews[n%2]
		require.NoError(b, t.draw())
	}
}
