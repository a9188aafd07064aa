//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/programs"
)

// planFile writes a file for sig launch, and returns its path.
func planFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// launch starts sig launch, with a router of its own at a free port.
func launch(t *testing.T, plan string, args ...string) *process {
	t.Helper()
	return start(t, append([]string{"launch", planFile(t, "plan.toml", plan), "--url", "tcp://127.0.0.1:0"}, args...)...)
}

// pid returns the number that a program printed in its next line.
func pid(t *testing.T, p *process) int {
	t.Helper()
	line := p.Line()
	n, err := strconv.Atoi(regexp.MustCompile(`\d+$`).FindString(line))
	require.NoError(t, err, line)
	return n
}

// gone checks that there is no such process, not even a zombie.
func gone(t *testing.T, pid int) {
	t.Helper()
	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "process %d is there", pid)
}

// awaitStderr waits until standard error has the text.
func (p *process) awaitStderr(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.Errors(), text) }, testPatience, 5*time.Millisecond,
		"%q is not in standard error", text)
}

// TestLaunch starts a router, a sender, and a program that asks it; each when the one before is
// ready. It ends when the last has ended, and stops what is left.
func TestLaunch(t *testing.T) {
	p := launch(t, `
[[component]]
name = "source"
command = "sh -c 'sleep 0.2; while echo 1; do sleep 0.1; done | {sig} trigger clock tic --lines'"
wait-for = "clock"

[[component]]
command = ["{sig}", "listen", "clock", "tic", "--count", "2", "--raw"]
env = { NO_COLOR = "{name}" }
essential = true
`)
	lines, code := p.Wait()
	require.Zero(t, code, p.Errors())
	require.Equal(t, []string{"sig    | 1", "sig    | 1"}, lines)
	require.Regexp(t, regexp.MustCompile(`(?s)router started, process \d+
sig: router ready at tcp://127\.0\.0\.1:\d+
sig: source started, process \d+
sig: sig started, process \d+
.*sig: sig has ended
sig: sig is essential; everything is stopped
sig: stopping source
.*sig: stopping router
$`), p.Errors())
}

// The programs are stopped in reverse order, with all they have started; what does not want to
// end is killed; Ctrl-C and SIGTERM are the way sig launch ends.
func TestLaunchStops(t *testing.T) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		p := launch(t, `
grace = "100ms"

[[component]]
name = "gentle"
command = "sh -c 'trap \"echo bye; exit\" TERM; sleep 1000 & echo $!; wait'"

[[component]]
name = "stubborn"
command = ["sh", "-c", "trap '' TERM; sh -c 'echo $$; while :; do sleep 0.05; done' & while :; do sleep 0.05; done"]
grace = "50ms"
`)
		grandchildren := []int{pid(t, p), pid(t, p)}
		p.Signal(s)
		lines, code := p.Wait()
		require.Zero(t, code)
		require.Equal(t, []string{"gentle   | bye"}, lines)
		for _, n := range grandchildren {
			gone(t, n)
		}
		notes := p.Errors()
		for _, m := range regexp.MustCompile(`started, process (\d+)`).FindAllStringSubmatch(notes, -1) {
			n, err := strconv.Atoi(m[1])
			require.NoError(t, err)
			gone(t, n)
		}
		require.Contains(t, notes, `sig: stopping stubborn
sig: stubborn did not end within 50ms, and was killed
sig: stopping gentle
sig: stopping router
`)
	}
}

// Who asks twice gets it at once.
func TestLaunchStopsAtOnce(t *testing.T) {
	p := launch(t, `
[[component]]
name = "stubborn"
command = ["sh", "-c", "trap '' TERM; sleep 1000 & echo $!; while :; do sleep 0.05; done"]
grace = "1h"
`)
	grandchild := pid(t, p)
	require.True(t, alive(grandchild))
	p.Signal(os.Interrupt)
	p.awaitStderr("stopping stubborn")
	p.Signal(os.Interrupt)
	_, code := p.Wait()
	require.Equal(t, exitInterrupted, code)
	require.Eventually(t, func() bool { return !alive(grandchild) }, testPatience, time.Millisecond)
}

// alive reports whether a process, which may be anybody's child, is there and no zombie.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ") // without /proc its parent waits for it
}

// A program that crashes is started again, less and less often, and given up in the end; the
// others go on until they are told.
func TestLaunchCrashLoop(t *testing.T) {
	plan := `
[[component]]
name = "crash"
command = "sh -c 'echo run; exit 3'"
backoff = "1ms"
max-restarts = 3
`
	p := launch(t, plan+`
[[component]]
name = "steady"
command = "sleep 1000"
`)
	p.awaitStderr("sig: crash has ended with exit status 3; given up after 3 restarts\n")
	p.Signal(os.Interrupt)
	lines, code := p.Wait()
	require.Equal(t, exitFailed, code)
	require.Len(t, lines, 4)
	require.Contains(t, p.Errors(), "again in 4ms")
	require.Contains(t, p.Errors(), "sig: 1 of 3 programs failed: crash: has ended with exit status 3, and was given up after 3 restarts\n")

	p = launch(t, plan+`essential = true
[[component]]
name = "steady"
command = "sleep 1000"
`)
	_, code = p.Wait()
	require.Equal(t, exitFailed, code)
	require.Contains(t, p.Errors(), "sig: crash is essential, and failed: has ended with exit status 3, and was given up after 3 restarts\n")
	require.Contains(t, p.Errors(), "sig: stopping steady\n")
}

// A killed router comes back at the same address, and the programs find it.
func TestLaunchRouterCrashes(t *testing.T) {
	p := launch(t, `
[[component]]
name = "ear"
command = "{sig} listen x y --raw"
`)
	p.awaitStderr("ear started")
	heard := func(url string) {
		t.Helper()
		require.Eventually(t, func() bool { return sigRun(t, "trigger", "x", "y", "1", "--url", url).code == exitDone },
			testPatience, time.Millisecond, "somebody listens")
		require.Equal(t, "ear    | 1", p.Line())
	}
	notes := p.Errors()
	n, err := strconv.Atoi(regexp.MustCompile(`router started, process (\d+)`).FindStringSubmatch(notes)[1])
	require.NoError(t, err)
	url := regexp.MustCompile(`ready at (\S+)`).FindStringSubmatch(notes)[1]
	heard(url)
	require.NoError(t, syscall.Kill(n, syscall.SIGKILL))
	p.awaitStderr("router started again")
	p.awaitStderr("connected to " + url + " again")
	heard(url)
	p.Signal(os.Interrupt)
	_, code := p.Wait()
	require.Zero(t, code)
}

// A router that is there is used, and left alone.
func TestLaunchAtRouter(t *testing.T) {
	s := startServer(t)
	plan := planFile(t, "plan.toml", `
url = "`+s.url+`"
[[component]]
name = "once"
command = "{sig} senders"
`)
	r := sigRun(t, "launch", plan)
	require.Zero(t, r.code, r.stderr)
	require.NotContains(t, r.stderr, "router started")
	require.Contains(t, r.stderr, "sig: once has ended\n")

	stopped := start(t, "launch", planFile(t, "plan.toml", "[[component]]\ncommand = \"sleep 1000\""), "--url", s.url, "--stop-on", "killall")
	stopped.awaitStderr("sleep started")
	require.Zero(t, sigRun(t, "trigger", "ops", "killall", "--url", s.url).code)
	_, code := stopped.Wait()
	require.Zero(t, code)
	require.Contains(t, stopped.Errors(), "sig: ops has triggered killall\n")

	r = sigRun(t, "senders", "--url", s.url)
	require.Zero(t, r.code, "the router has outlived both")
}

func TestLaunchNotReady(t *testing.T) {
	for _, c := range []struct{ command, timeout, says string }{
		{"sleep 1000", "200ms", "sig: slow is not ready: no sender \"clock\" within 200ms\n"},
		{"true", "1h", "sig: slow has ended before sender \"clock\" has come: before its time\n"},
		{"sh -c 'exit 9'", "1h", "sig: slow has ended before sender \"clock\" has come: exit status 9\n"},
	} {
		p := launch(t, `
[[component]]
name = "slow"
command = "`+c.command+`"
wait-for = "clock"
timeout = "`+c.timeout+`"
restart = "never"
[[component]]
command = "sleep 1000"
`)
		_, code := p.Wait()
		require.Equal(t, exitFailed, code)
		require.Contains(t, p.Errors(), c.says)
		require.NotContains(t, p.Errors(), "sleep started")
	}
}

// Output is printed line by line, as text or as objects; nobody who reads it ends everything.
func TestLaunchOutput(t *testing.T) {
	plan := `
[[component]]
name = "a"
command = "sh -c 'echo one; printf two'"
[[component]]
name = "longer"
command = "sh -c 'echo three >&2; echo four; exec sleep 1000'"
`
	p := launch(t, plan)
	require.ElementsMatch(t, []string{"a      | one", "a      | two", "longer | four"}, []string{p.Line(), p.Line(), p.Line()})
	p.awaitStderr("longer | three\n")

	p = launch(t, plan, "--json")
	got := map[launchLine]bool{}
	for range 4 {
		var l launchLine
		require.NoError(t, json.Unmarshal([]byte(p.Line()), &l))
		got[l] = true
	}
	require.Equal(t, map[launchLine]bool{{"a", "stdout", "one"}: true, {"a", "stdout", "two"}: true, {"longer", "stderr", "three"}: true, {"longer", "stdout", "four"}: true}, got)

	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	cmd := command(t, "launch", planFile(t, "plan.toml", "[[component]]\nname = \"loud\"\ncommand = \"sh -c 'while :; do echo x; sleep 0.01; done'\""), "--url", "tcp://127.0.0.1:0")
	var errs programs.Text
	cmd.Stdout, cmd.Stderr = w, &errs
	require.Error(t, cmd.Run())
	require.NoError(t, w.Close())
	require.Contains(t, errs.String(), "sig: stopping loud\nsig: stopping router\nsig: standard output is closed; everything is stopped\n")
}

func TestLaunchCheck(t *testing.T) {
	file := planFile(t, "plan.toml", `
[[component]]
name = "server"
command = "sh -c 'exit 1'"
wait-for = "EchoServer"
delay = "1500ms"
[[component]]
command = ["/bin/sh", "-c", "true"]
restart = "always"
`)
	dir := filepath.Dir(file)
	r := sigRun(t, "launch", file, "--check")
	require.Zero(t, r.code, r.stderr)
	require.Equal(t, "server: sh -c exit 1, in "+dir+", restart on-failure, ready with sender EchoServer, then waits 1.5s\n"+
		"sh: /bin/sh -c true, in "+dir+", restart always\n"+
		"2 programs, router at tcp://127.0.0.1:3000: auto\n", r.stdout)
	r = sigRun(t, "launch", file, "--check", "--json")
	require.Equal(t, `{"name":"server","command":["sh","-c","exit 1"],"dir":"`+dir+`","wait_for":"EchoServer","delay":"1.5s","restart":"on-failure"}
{"name":"sh","command":["/bin/sh","-c","true"],"dir":"`+dir+`","restart":"always"}
`, r.stdout)
}

// All that is wrong with a file is said at once, and nothing is started.
func TestLaunchMistakes(t *testing.T) {
	file := planFile(t, "plan.toml", `
router = "perhaps"
[[component]]
name = "a"
dir = "nowhere"
command = "sh"
[[component]]
name = "a"
restart = "sometimes"
max-restarts = -1
wait-for = "x.*"
command = "no-such-program"
[[component]]
name = "b"
[[component]]
name = "router"
command = "./missing"
`)
	r := sigRun(t, "launch", file)
	require.Equal(t, exitUsage, r.code)
	require.Empty(t, r.stdout)
	for _, says := range []string{
		`router is "perhaps"; it can be auto, always or never`,
		`component 1, a: there is no directory ` + filepath.Join(filepath.Dir(file), "nowhere") + ` to run in`,
		`component 2, a: restart is "sometimes"; it can be on-failure, always or never`,
		`component 2, a: max-restarts is -1; it cannot be less than 0`,
		`component 2, a: wait-for: `,
		`component 2, a: cannot find the program: exec: "no-such-program": executable file not found in $PATH`,
		`component 2: the name "a" is taken; give it another`,
		`component 3, b: it has no command; write command = "program --flag"`,
		`component 4, router: cannot find the program: `,
		`component 4: the name "router" is taken; give it another`,
	} {
		require.Contains(t, r.stderr, "sig: "+file+": "+says)
	}
	require.NotContains(t, r.stderr, "started")

	for text, says := range map[string]string{
		"":                                    "there is no [[component]] to start",
		"[[component]\n":                      "plan.toml, line ",
		"colour = 1\n[[component]]\nfoo = 1":  "unknown setting colour, component.foo; sig launch --help shows those there are",
		"grace = \"soon\"":                    `"soon" is no time such as 500ms`,
		"[[component]]\ncommand = 7":          "a command is text, or a list of texts, not 7",
		"[[component]]\ncommand = \"a 'b\"":   "a ' is never closed",
		"[[component]]\ncommand = [\"a\", 1]": "a command is a list of texts; 1 is none",
	} {
		r := sigRun(t, "launch", planFile(t, "plan.toml", text))
		require.Equal(t, exitUsage, r.code, "%q: %s", text, r.stderr)
		require.Contains(t, r.stderr, says, "%q", text)
	}
	r = sigRun(t, "launch", "nowhere.toml")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.stderr, "nowhere.toml: no such file")
}

// Row B16: files of Banyan's launcher are read as they are.
func TestLaunchBanyan(t *testing.T) {
	file := planFile(t, "robots.csv", `command_string,spawn,topic,append_bp_address,auto_restart,wait
echo hello,no,local,yes,no,0
sh -c 'echo two; sleep 1000',yes,local,no,yes,0.1
echo far,no,pi1,no,no,0
`)
	p := start(t, "launch", file, "--url", "tcp://127.0.0.1:0")
	require.Regexp(t, `^echo   \| hello -b tcp://127\.0\.0\.1:\d+$`, p.Line())
	require.Equal(t, "sh     | two", p.Line())
	p.Signal(os.Interrupt)
	_, code := p.Wait()
	require.Zero(t, code)

	r := sigRun(t, "launch", file, "--topic", "pi1", "--check")
	require.Equal(t, "echo: echo far, in "+filepath.Dir(file)+", restart never, then waits 500ms\n1 program, router at tcp://127.0.0.1:3000: auto\n", r.stdout)
	r = sigRun(t, "launch", file, "--topic", "pi2")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.stderr, `no row has the topic "pi2"; there are "local", "pi1"; choose with --topic`)

	head := "command_string,spawn,topic,append_bp_address,auto_restart,wait\n"
	for text, says := range map[string]string{
		"a,b\n":                        "wrong number of fields",
		"a,b,c,d,e,f\n":                "the first line names the columns command_string,spawn,topic,append_bp_address,auto_restart,wait",
		head + "a,no,local,no,no,soon": `line 2: wait is "soon"; it is a number of seconds`,
		head + ",no,local,no,no,0":     "line 2: there is no command_string",
	} {
		r := sigRun(t, "launch", planFile(t, "x.csv", text))
		require.Equal(t, exitUsage, r.code, "%q", text)
		require.Contains(t, r.stderr, says)
	}
}
