//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// runShell runs lines of a pipe through sig shell.
func runShell(t *testing.T, lines string, args ...string) result {
	t.Helper()
	cmd := command(t, append([]string{"shell"}, args...)...)
	cmd.Stdin = strings.NewReader(lines)
	return runCommand(t, cmd)
}

func TestShellRunsLines(t *testing.T) {
	s := startServer(t)
	s.addWorkshop()
	s.addSender("plain", "tic", newGate().answers()...)
	url := []string{"--url", s.url}
	for _, c := range []struct{ lines, want string }{
		{"workshop status", `"ok"`},
		{"\n# nothing\ncall workshop multiply 7 --b 6", "42"},
		{"use workshop\nmultiply 7 6\nuse\nworkshop status", "42\n\"ok\""},
		{"use workshop\n/call workshop status", `"ok"`},
		{`request plain echo {"a": [1, "b c"]}`, `{"a":[1,"b c"]}`},
		{`plain echo 'b c'`, `["b c"]`},
		{"senders", "counter   \nplain     tic\nworkshop  "},
		{"workshop status\nexit\nworkshop status", `"ok"`},
	} {
		require.Equal(t, result{stdout: c.want + "\n"}, runShell(t, c.lines, url...), c.lines)
	}
	require.Equal(t, result{stdout: "42\n"}, runShell(t, "multiply 7 6", "workshop", "--url", s.url))

	for line := range strings.Lines(runShell(t, "help", url...).stdout) {
		require.LessOrEqual(t, len(strings.TrimSuffix(line, "\n")), 80, "fits a terminal: %s", line)
	}

	for _, c := range []struct {
		lines string
		code  int
		says  string
	}{
		{"workshop status\nbogus\nworkshop status", exitUsage, "line 2: bogus is no command"},
		{"workshop mend", exitNobody, "line 1: workshop has no method mend"},
		{"workshop fail", exitRemote, "line 1: out of"},
		{"use workshop\nmend", exitUsage, "line 2: no command mend; see help"},
		{"use nobody", exitNobody, "nobody"},
		{"call", exitUsage, "call needs a sender and a method"},
		{"call 'a", exitUsage, "a ' is never closed"},
		{"request plain echo {", exitUsage, "{ is not JSON"},
		{"request plain", exitUsage, "write it as request SENDER METHOD [JSON]"},
		{"listen a b c", exitUsage, "write it as listen [SENDER [EVENT]]"},
		{"trigger plain tic 1", exitFailed, "plain"},
	} {
		r := runShell(t, c.lines, url...)
		require.Contains(t, r.stderr, c.says, c.lines)
		if c.says != "plain" {
			require.Equal(t, c.code, r.code, "%s: %s", c.lines, r.stderr)
		}
		require.NotZero(t, r.code)
	}
	require.Equal(t, exitConnect, runShell(t, "", "--url", "tcp://127.0.0.1:1").code)
}

// What one shell triggers another sees, in order, without its data being touched.
func TestShellTriggersAndListens(t *testing.T) {
	s := startServer(t)
	r := runShell(t, "listen door opened\ntrigger door opened {\"by\": \"ana\"}\nunlisten\ntrigger door opened 2\n", "--url", s.url)
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stdout, `{"sender":"door","event":"opened","data":{"by":"ana"},`)
	require.Equal(t, 1, strings.Count(r.stdout, "\n"), r.stdout)
}

func TestShellHelp(t *testing.T) {
	s := startServer(t)
	s.addWorkshop()
	r := runShell(t, "help\nhelp workshop\nhelp workshop show\nuse workshop\nhelp show\nshow --help", "--url", s.url)
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stdout, "Commands:\n")
	require.Contains(t, r.stdout, "Senders that can be called:\n  counter    \n  workshop   where things\n")
	require.Contains(t, r.stdout, "Usage:\n  workshop METHOD")
	require.Equal(t, 3, strings.Count(r.stdout, "Usage:\n  workshop show [EXTRA] [ORDER]\n"))
	for _, v := range shellVerbs() {
		require.Contains(t, r.stdout, "  "+v.usage+" ", "every command is explained")
	}
}

// What a person does: completes, looks back, interrupts, goes on after the cable was pulled,
// and sees events above what is being typed.
func TestShellOnATerminal(t *testing.T) {
	s := startServer(t)
	s.addWorkshop()
	gate := newGate()
	s.addSender("plain", "tic", gate.answers()...)
	past := filepath.Join(t.TempDir(), "state", "history")
	open := func(w, h int) *window {
		cmd := command(t, "shell", "--url", s.url)
		cmd.Env = append(cmd.Env, "SIG_HISTORY="+past)
		return commandInWindow(t, w, h, cmd)
	}
	x := open(80, 24)
	x.awaitText("Connected to "+s.url, "\nsig>")

	x.press("wo\tmu\t7 6\r")
	x.awaitText("sig> workshop multiply 7 6\nmultiply> 42\nsig>")
	x.press("workshop \t")
	x.awaitText("\ncrash  fail  join  make  multiply  show  status  wait  weigh\n")
	x.press("st\t\r")
	x.awaitText("status> ok")
	x.press("workshop fail\r")
	x.awaitText("out of steel")

	x.press("listen door opened\r")
	x.press("half typed")
	x.awaitText("sig> half typed")
	require.Zero(t, sigRun(t, "trigger", "door", "opened", `"\u001b[2J"`, "--url", s.url).code)
	screen := x.awaitText(`door opened  "\u001b[2J"`, "sig> half typed")
	require.Less(t, strings.Index(screen, "door opened"), strings.Index(screen, "half typed"))
	x.press("\x03") // the line is gone
	x.await("an empty line", func(screen string) bool { return !strings.Contains(screen, "half typed") })

	x.press("request plain wait\r")
	gate.awaitAsked(t)
	x.press("\x03")
	x.awaitText("\ninterrupted\n")
	x.press("workshop status\r")
	x.await("a second answer", func(screen string) bool { return strings.Count(screen, "status> ok") == 2 })

	x.resize(60, 20)
	x.press("\x04")
	require.Zero(t, x.wait())
	x.requireTidy()

	kept, err := os.ReadFile(past)
	require.NoError(t, err)
	require.Equal(t, "workshop multiply 7 6\nworkshop status \nworkshop fail\nlisten door opened\nrequest plain wait\nworkshop status\n", string(kept))
	again := open(200, 60)
	again.awaitText("sig>")
	again.press("\x1b[A")
	again.awaitText("sig> workshop status")
	again.press("\x1b[A\r")
	gate.awaitAsked(t)
	again.press("\x03")
	again.awaitText("\ninterrupted\n")
	again.press("exit\r")
	require.Zero(t, again.wait())
	again.requireTidy()
}

// The router goes and comes back; the shell says so and goes on.
func TestShellReconnects(t *testing.T) {
	s := startServer(t)
	cmd := command(t, "shell", "--url", s.url)
	cmd.Env = append(cmd.Env, "SIG_HISTORY=off")
	x := commandInWindow(t, 200, 24, cmd)
	x.awaitText("\nsig>")
	x.press("listen\r")
	x.awaitText("sig> listen\nsig>") // it is at the router
	s.Signal(os.Kill)
	s.Wait()
	x.awaitText("connection to "+s.url+" lost", "connecting again")
	back := startServer(t, "--listen", s.url)
	x.awaitText("connected to " + s.url + " again")
	back.addSender("door", "opened")(1)
	x.awaitText("door opened  1")
	x.press("\x04")
	require.Zero(t, x.wait())
	x.requireTidy()
}

func TestHistory(t *testing.T) {
	dir := t.TempDir()
	env := func(name string) string { return map[string]string{"HOME": dir}[name] }
	h := openHistory(env)
	for _, line := range []string{"a", "a", "", " ", "b"} {
		h.Add(line)
	}
	require.Equal(t, 2, h.Len())
	h = openHistory(env)
	require.Equal(t, 2, h.Len())
	require.Equal(t, "b", h.At(0))
	require.Equal(t, "a", h.At(1))
	info, err := os.Stat(filepath.Join(dir, ".local", "state", "sig", "history"))
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	for i := range 3 * maxHistory {
		h.Add(strings.Repeat("x", i%7))
	}
	require.Equal(t, maxHistory, h.Len())
	require.Equal(t, maxHistory, openHistory(env).Len())
	off := openHistory(func(string) string { return "off" })
	off.Add("a")
	require.Equal(t, "a", off.At(0))
}
