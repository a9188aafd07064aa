package main

import (
	"bufio"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/needs"
)

// A terminal is where a person runs a sig.
type terminal struct {
	t      *testing.T
	master *os.File
	in     *bufio.Reader
}

// onTerminal starts sig with a terminal as its standard output and standard error, and more
// of its environment.
func onTerminal(t *testing.T, env []string, args ...string) *terminal {
	t.Helper()
	master, path := needs.Terminal(t)
	slave, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	cmd := command(t, args...)
	cmd.Env = append(append(cmd.Env, "TERM=xterm"), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	require.NoError(t, cmd.Start())
	require.NoError(t, slave.Close())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed, or ended before
	})
	return &terminal{t, master, bufio.NewReader(master)}
}

// read reads up to and including the text.
func (x *terminal) read(text string) string {
	x.t.Helper()
	require.NoError(x.t, x.master.SetReadDeadline(time.Now().Add(testPatience)))
	var got strings.Builder
	for !strings.Contains(got.String(), text) {
		b, err := x.in.ReadByte()
		require.NoError(x.t, err, "waiting for %q, got %q", text, got.String())
		got.WriteByte(b)
	}
	return got.String()
}

// On a terminal results are for people.
func TestOnATerminal(t *testing.T) {
	s := startServer(t)
	gate := newGate()
	trigger := s.addSender("timer", "tic", gate.answers()...)
	s.heard("door")
	const url = "--url"

	list := onTerminal(t, nil, "senders", "--events", url, s.url)
	require.Equal(t, "door   waited for\ntimer  connected   tic\n", list.read("tic\n"))
	ask := onTerminal(t, nil, "request", "timer", "echo", `{"a":1}`, url, s.url)
	require.Equal(t, "{\n  \"a\": 1\n}\n", ask.read("}\n"))
	asJSON := onTerminal(t, nil, "request", "timer", "echo", `{"a":1}`, "--json", url, s.url)
	require.Equal(t, "{\"a\":1}\n", asJSON.read("}\n"))

	for _, c := range []struct {
		env    []string
		args   []string
		events string // a regular expression
	}{
		{nil, nil, `^\x1b\[2m\d\d:\d\d:\d\d\.\d\d\d\x1b\[0m  \x1b\[36mtimer\x1b\[0m \x1b\[1mtic\x1b\[0m  "\\u001b\[31m\\u202e"\n$`},
		{[]string{"NO_COLOR=1"}, nil, `^\d\d:\d\d:\d\d\.\d\d\d  timer tic  "\\u001b\[31m\\u202e"\n$`},
		{[]string{"TERM=dumb"}, nil, `^\d\d:\d\d:\d\d\.\d\d\d  timer tic  `},
		{nil, []string{"--color", "never"}, `^\d\d:\d\d:\d\d\.\d\d\d  timer tic  `},
		{[]string{"NO_COLOR=1"}, []string{"--color", "always"}, `^\x1b\[2m`},
		{nil, []string{"--json"}, `^{"sender":"timer","event":"tic",`},
	} {
		x := onTerminal(t, c.env, append([]string{"listen", "timer", "tic", url, s.url}, c.args...)...)
		got := make(chan string, 1)
		go func() { got <- x.read("\n") }()
		for done := false; !done; {
			trigger("\x1b[31m\u202e") // until it listens
			select {
			case text := <-got:
				require.Regexp(t, c.events, text, "%q %q", c.env, c.args)
				done = true
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}
