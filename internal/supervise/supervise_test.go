//go:build unix

package supervise_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sigrouter/sigrouter/internal/needs"
	"github.com/sigrouter/sigrouter/internal/supervise"
)

func TestMain(m *testing.M) {
	if err := supervise.Adopt(); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what ought to happen at once.
const patience = 20 * time.Second

// A watched is a shell script that is looked after.
type watched struct {
	*supervise.Process
	t     *testing.T
	lines chan string

	mu    sync.Mutex
	notes []string
}

func watch(t *testing.T, spec supervise.Spec, script string) *watched {
	t.Helper()
	w := &watched{t: t, lines: make(chan string, 100_000)}
	spec.Command = func() []string { return []string{"sh", "-c", script} }
	spec.Line = func(s supervise.Stream, line []byte) { w.lines <- fmt.Sprint(int(s), " ", string(line)) }
	spec.Note = func(text string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.notes = append(w.notes, text)
	}
	var err error
	w.Process, err = supervise.Start(spec)
	require.NoError(t, err)
	t.Cleanup(func() {
		w.Kill()
		<-w.Done()
	})
	return w
}

func (w *watched) line() string {
	w.t.Helper()
	select {
	case l := <-w.lines:
		return l
	case <-time.After(patience):
		require.FailNow(w.t, "no line")
		return ""
	}
}

func (w *watched) end() error {
	w.t.Helper()
	select {
	case <-w.Done():
	case <-time.After(patience):
		require.FailNow(w.t, "does not end")
	}
	return w.Err()
}

// number returns the number in the next line.
func (w *watched) number() int {
	w.t.Helper()
	n, err := strconv.Atoi(regexp.MustCompile(`\d+$`).FindString(w.line()))
	require.NoError(w.t, err)
	return n
}

func (w *watched) noted() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.notes, "\n")
}

// gone checks that there is no such process, not even a zombie.
func gone(t *testing.T, pid int) {
	t.Helper()
	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "process %d is there", pid)
}

func TestOutput(t *testing.T) {
	w := watch(t, supervise.Spec{}, `echo one; printf 'two\r\n\n'; printf three; echo four >&2`)
	require.NoError(t, w.end())
	var out, errs []string
	for len(w.lines) > 0 {
		if l := w.line(); l[0] == '0' {
			out = append(out, l[2:])
		} else {
			errs = append(errs, l[2:])
		}
	}
	require.Equal(t, []string{"one", "two", "", "three"}, out)
	require.Equal(t, []string{"four"}, errs)
	require.Equal(t, "has ended", w.noted())

	w = watch(t, supervise.Spec{}, `head -c 100000 /dev/zero | tr '\0' x`)
	require.NoError(t, w.end())
	require.Len(t, w.line(), 2+64<<10, "a line without end comes in pieces")
	require.Len(t, w.line(), 2+100000-64<<10)
}

func TestCannotStart(t *testing.T) {
	for _, command := range [][]string{nil, {"/nowhere/program"}, {"no such program"}} {
		_, err := supervise.Start(supervise.Spec{Command: func() []string { return command }})
		require.Error(t, err)
	}
}

func TestRestartPolicies(t *testing.T) {
	for _, c := range []struct {
		policy supervise.Restart
		code   int
		again  bool
	}{
		{supervise.OnFailure, 0, false}, {supervise.OnFailure, 3, true}, {supervise.Always, 0, true},
		{supervise.Always, 3, true}, {supervise.Never, 3, false}, {supervise.Never, 0, false},
	} {
		w := watch(t, supervise.Spec{Restart: c.policy, Backoff: time.Millisecond}, fmt.Sprint("echo run; exit ", c.code))
		w.line()
		if c.again {
			w.line()
			w.line()
			w.Stop()
			require.NoError(t, w.end(), "stopped")
			continue
		}
		err := w.end()
		require.Empty(t, w.lines)
		require.Equal(t, c.code != 0, err != nil, "policy %v, code %d: %v", c.policy, c.code, err)
	}
}

// A program that crashes again and again is started less and less often, and given up if
// that is wanted.
func TestCrashLoop(t *testing.T) {
	w := watch(t, supervise.Spec{Backoff: time.Millisecond, MaxBackoff: 4 * time.Millisecond, MaxRestarts: 4}, "echo run; exit 7")
	require.EqualError(t, w.end(), "has ended with exit status 7, and was given up after 4 restarts")
	require.Len(t, w.lines, 5)
	waits := regexp.MustCompile(`again in (\S+)`).FindAllStringSubmatch(w.noted(), -1)
	require.Equal(t, "[[again in 1ms 1ms] [again in 2ms 2ms] [again in 4ms 4ms] [again in 4ms 4ms]]", fmt.Sprint(waits))
	require.Regexp(t, `started again, process \d+`, w.noted())

	w = watch(t, supervise.Spec{Backoff: time.Millisecond, MaxRestarts: 1, Steady: time.Nanosecond}, "echo run; exit 7")
	for range 5 {
		w.line() // a steady run begins the count anew
	}
	w.Stop()
}

// A program that vanishes while it is looked after is a failure like others.
func TestProgramVanishes(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\nrm \"$0\"; exit 1\n"), 0o755))
	p, err := supervise.Start(supervise.Spec{Command: func() []string { return []string{program} }, Backoff: time.Millisecond, MaxRestarts: 2})
	require.NoError(t, err)
	require.ErrorContains(t, p.Err(), "no such file or directory, and was given up after 2 restarts")
}

func TestStop(t *testing.T) {
	w := watch(t, supervise.Spec{Restart: supervise.Always}, `trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done`)
	w.line()
	pid := w.PID()
	w.Stop()
	w.Stop()
	said := w.line()
	for strings.HasSuffix(said, "Terminated") { // what a shell says of its sleep, which got the signal too
		said = w.line()
	}
	require.Equal(t, "0 bye", said, "it may clean up, and what it says is heard")
	require.NoError(t, w.end())
	require.Empty(t, w.noted())
	gone(t, pid)
	require.Zero(t, w.PID())
}

func TestStopWhileWaiting(t *testing.T) {
	w := watch(t, supervise.Spec{Backoff: time.Hour}, `echo ready; exit 1`)
	w.line()
	require.Eventually(t, func() bool { return strings.Contains(w.noted(), "again in 1h0m0s") }, patience, time.Millisecond)
	w.Stop()
	require.NoError(t, w.end())
}

// A program that does not want to end is killed.
func TestIgnoresSIGTERM(t *testing.T) {
	w := watch(t, supervise.Spec{Grace: 50 * time.Millisecond}, `trap '' TERM; echo ready; while :; do sleep 0.05; done`)
	w.line()
	pid := w.PID()
	w.Stop()
	require.NoError(t, w.end())
	require.Equal(t, "did not end within 50ms, and was killed", w.noted())
	gone(t, pid)
}

// What a program has started ends with it, whether it is stopped, crashes or simply ends.
func TestGrandchildren(t *testing.T) {
	for _, c := range []struct {
		how, script, notes string
		stop               bool
	}{
		{how: "stopped", script: `sleep 1000 & echo $!; wait`, stop: true},
		{how: "left behind", script: `sleep 1000 & echo $!`, notes: "has ended"},
		{how: "left behind by a crash", script: `sleep 1000 & echo $!; kill -9 $$`, notes: "has ended with signal: killed"},
		{how: "stubborn", script: `sh -c 'trap "" TERM; echo $$; while :; do sleep 0.05; done' & wait`, stop: true,
			notes: "what it had started did not end within 50ms, and was killed"},
		{how: "stubborn like its parent", script: `trap "" TERM; sleep 1000 & echo $!; while :; do sleep 0.05; done`, stop: true,
			notes: "did not end within 50ms, and was killed"},
	} {
		t.Run(c.how, func(t *testing.T) {
			w := watch(t, supervise.Spec{Restart: supervise.Never, Grace: 50 * time.Millisecond}, c.script)
			grandchild := w.number()
			pid := w.PID()
			if c.stop {
				w.Stop()
			}
			_ = w.end()
			require.Equal(t, c.notes, w.noted())
			if pid != 0 {
				gone(t, pid)
			}
			gone(t, grandchild)
		})
	}
}

// Output that is held open by somebody who has left the group holds up nothing.
func TestDaemon(t *testing.T) {
	needs.Program(t, "setsid")
	left := filepath.Join(t.TempDir(), "left")
	w := watch(t, supervise.Spec{}, `setsid sh -c 'echo $$; >`+left+`; exec sleep 1000' & while [ ! -e `+left+` ]; do sleep 0.01; done`)
	daemon := w.number()
	require.NoError(t, w.end())
	require.NoError(t, syscall.Kill(daemon, syscall.SIGKILL), "it has gone its own way")
	_, err := syscall.Wait4(daemon, nil, 0, nil)
	if err != nil {
		require.ErrorIs(t, err, syscall.ECHILD) // not adopted, where there is no such thing
	}
}

func TestKill(t *testing.T) {
	w := watch(t, supervise.Spec{Restart: supervise.Always, Backoff: time.Millisecond, Grace: time.Hour},
		`trap '' TERM; sleep 1000 & echo $!; while :; do sleep 0.05; done`)
	grandchild := w.number()
	w.Kill()
	require.NoError(t, w.end())
	gone(t, grandchild)
	require.Empty(t, w.lines, "it is not started again")
}
