//go:build unix

package stdio

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
)

// sh is the address of a shell script.
func sh(script string) string { return `exec:sh -c '` + script + `'` }

// timed returns how long fn took.
func timed(fn func()) time.Duration {
	begin := time.Now()
	fn()
	return time.Since(begin)
}

// isGone reports whether there is no such process any more, not even a zombie.
func isGone(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }

func pidOf(c carrier.Conn) int {
	var name string
	var pid int
	_, _ = fmt.Sscanf(c.(carrier.Describer).Info().Remote, "%s (process %d)", &name, &pid)
	return pid
}

func TestChildTalks(t *testing.T) {
	c := dial(t, Scheme{}, "exec:cat")
	require.NoError(t, c.Send([]byte(`{"id":1}`)))
	require.Equal(t, `{"id":1}`, recv(t, c))
	info := c.(carrier.Describer).Info()
	require.Equal(t, "stdio", info.Carrier)
	require.True(t, info.Loopback)
	pid := pidOf(c)
	require.False(t, isGone(pid))
	within(t, "Close", c.Close)
	require.True(t, isGone(pid), "a zombie")
	require.ErrorIs(t, c.Send([]byte("{}")), carrier.ErrClosed)
	require.ErrorIs(t, recvErr(t, c), carrier.ErrClosed)
}

// TestChildDies checks that everything a child said arrives, and then why it ended.
func TestChildDies(t *testing.T) {
	for _, c := range []struct{ script, says string }{
		{`exit 3`, "sh ended with exit status 3"},
		{`kill -9 $$`, "sh ended with signal: killed"},
		{`exit 0`, "sh ended: EOF"},
		{`exec 1>&-; sleep 100`, "sh closed its standard output"},
		// It dies, and one that it started, which will not go, holds its pipes.
		{`(trap "" TERM; sleep 3) & sleep 0.1; exit 4`, "sh ended with exit status 4"},
	} {
		t.Run(c.script, func(t *testing.T) {
			conn := dial(t, Scheme{}, sh(`printf "{\"i\":1}{\"i\":2}"; `+c.script))
			require.Equal(t, `{"i":1}`, recv(t, conn))
			require.Equal(t, `{"i":2}`, recv(t, conn))
			err := recvErr(t, conn)
			require.ErrorIs(t, err, io.EOF)
			require.ErrorContains(t, err, c.says)
			pid := pidOf(conn)
			within(t, "Close", conn.Close)
			require.True(t, isGone(pid))
		})
	}
}

func TestChildDiesInMidMessage(t *testing.T) {
	c := dial(t, Scheme{}, sh(`printf "{\"i\":"; exit 1`))
	require.ErrorIs(t, recvErr(t, c), io.ErrUnexpectedEOF)
}

// TestChildStopsReading has a child close its standard input.
func TestChildStopsReading(t *testing.T) {
	c := dial(t, Scheme{}, sh(`exec 0<&-; echo "{}"; sleep 100`))
	require.Equal(t, "{}", recv(t, c))
	err := c.Send([]byte("{}"))
	require.ErrorIs(t, err, syscall.EPIPE)
	require.ErrorContains(t, err, "no longer reads its standard input")
}

// TestCloseEndsAChild checks how much it takes to end children of different manners.
func TestCloseEndsAChild(t *testing.T) {
	for _, c := range []struct {
		name, script string
		least, most  time.Duration
	}{
		{"ends with its input", `echo "{}"; cat >/dev/null`, 0, termAfter},
		{"hangs", `echo "{}"; sleep 100`, termAfter, killAfter},
		{"ignores SIGTERM", `trap "" TERM; echo "{}"; while :; do sleep 1; done`, killAfter, killAfter + 2*time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			log := &journal{}
			conn := dial(t, Scheme{Log: log.logger()}, sh(c.script))
			require.Equal(t, "{}", recv(t, conn))
			pid := pidOf(conn)
			blocked := make(chan error, 1)
			go func() { _, err := conn.Recv(); blocked <- err }()
			took := timed(func() { within(t, "Close", conn.Close) })
			require.ErrorIs(t, <-blocked, carrier.ErrClosed)
			require.True(t, isGone(pid))
			require.GreaterOrEqual(t, took, c.least)
			require.Less(t, took, c.most)
			require.Equal(t, c.least >= termAfter, strings.Contains(log.String(), "does not end when its standard input does"))
			require.Equal(t, c.least >= killAfter, strings.Contains(log.String(), "is killed"))
			require.Contains(t, log.String(), "child ended")
			require.NotContains(t, log.String(), "level=WARN msg=\"child ended", "we ended it")
		})
	}
}

// TestCloseEndsTheGroup checks that what the child started goes with it.
func TestCloseEndsTheGroup(t *testing.T) {
	c := dial(t, Scheme{}, sh(`sleep 100 & echo "{\"pid\":$!}"; wait`))
	frame := recv(t, c)
	pid, err := strconv.Atoi(frame[len(`{"pid":`) : len(frame)-1])
	require.NoError(t, err)
	within(t, "Close", c.Close)
	// Nobody here can wait for a grandchild: whoever inherits it reaps it, soon.
	require.Eventually(t, func() bool { return isGone(pid) || isZombie(pid) }, patience, 5*time.Millisecond)
}

// TestOrphansEndToo has a child end before one that it started.
func TestOrphansEndToo(t *testing.T) {
	c := dial(t, Scheme{}, sh(`sleep 100 & echo "{\"pid\":$!}"`))
	frame := recv(t, c)
	pid, err := strconv.Atoi(frame[len(`{"pid":`) : len(frame)-1])
	require.NoError(t, err)
	require.ErrorIs(t, recvErr(t, c), io.EOF)
	require.Eventually(t, func() bool { return isGone(pid) || isZombie(pid) }, patience, 5*time.Millisecond)
}

func isZombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(b), ") Z ")
}

// TestCloseEndsBlockedSend has a child that reads nothing.
func TestCloseEndsBlockedSend(t *testing.T) {
	c := dial(t, Scheme{}, sh(`trap "exit 0" TERM; sleep 100 & wait`))
	sent := make(chan error, 1)
	go func() { sent <- c.Send(fmt.Appendf(nil, `{"x":%q}`, strings.Repeat("y", 1<<20))) }()
	require.NoError(t, c.(carrier.WriteDeadliner).SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	within(t, "Send", func() error {
		require.ErrorContains(t, <-sent, "took nothing for too long")
		return nil
	})
	require.NoError(t, c.(carrier.WriteDeadliner).SetWriteDeadline(time.Time{}))
	go func() { sent <- c.Send(fmt.Appendf(nil, `{"x":%q}`, strings.Repeat("y", 1<<20))) }()
	within(t, "Close", c.Close)
	require.ErrorIs(t, <-sent, carrier.ErrClosed)
}

func TestStderrIsLogged(t *testing.T) {
	log := &journal{}
	long := strings.Repeat("z", maxLine+100)
	c := dial(t, Scheme{Log: log.logger(), Dir: t.TempDir(), Env: []string{"LONG=" + long, "PATH=" + os.Getenv("PATH")}},
		sh(`echo one >&2; printf "two\r\n\n\351\n" >&2; echo "$LONG" >&2; pwd >&2; printf last >&2; exit 5`))
	require.ErrorIs(t, recvErr(t, c), io.EOF)
	within(t, "Close", c.Close)
	text := log.String()
	for _, want := range []string{"line=one\n", "line=two\n", "line=\"\uFFFD\"\n", "line=" + strings.Repeat("z", maxLine) + "\n",
		"line=" + strings.Repeat("z", 100) + "\n", "line=last\n", "exit status 5", "level=WARN msg=\"child ended\""} {
		require.Contains(t, text, want)
	}
	require.Equal(t, 1, strings.Count(text, os.TempDir()), "it runs in Dir")
}

func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ command, says string }{
		{"no-such-program-here", "executable file not found"},
		{dir + "/none", "no such file"},
		{dir, "directory"},
	} {
		_, err := Scheme{Log: quiet()}.Dial(t.Context(), mustParse(t, "exec:"+c.command))
		require.Error(t, err, c.command)
		_, err = Scheme{Log: quiet()}.Listen(t.Context(), mustParse(t, "exec:"+c.command))
		require.ErrorContains(t, err, c.says, c.command)
	}
}

// TestPipesAreNotLeaked starts many children, and counts descriptors.
func TestPipesAreNotLeaked(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("descriptors cannot be counted without /proc")
		}
		return len(entries)
	}
	cycle := func() {
		c := dial(t, Scheme{}, "exec:cat")
		within(t, "Close", c.Close)
		_, err := Scheme{Log: quiet()}.Dial(t.Context(), mustParse(t, "exec:/no/such/program"))
		require.Error(t, err)
	}
	cycle() // what the runtime opens once
	before := count()
	for range 20 {
		cycle()
	}
	require.LessOrEqual(t, count(), before+2)
}
