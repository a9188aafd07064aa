package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/needs"
	"github.com/sigrouter/sigrouter/sig"
)

func TestVersion(t *testing.T) {
	r := sigRun(t, "version")
	require.Equal(t, exitDone, r.code)
	require.Regexp(t, `^sig \S+, .*`+runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH+"\n$", r.stdout)
	require.Empty(t, r.stderr)

	r = sigRun(t, "version", "--json")
	require.Equal(t, exitDone, r.code)
	var v buildVersion
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &v), r.stdout)
	require.Equal(t, runtime.Version(), v.Go)
	require.NotEmpty(t, v.Version)
}

// Built from a checkout it says which.
func TestVersionOfCheckout(t *testing.T) {
	info := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.time", Value: "2026-01-02T15:04:05Z"}, {Key: "vcs.modified", Value: "true"},
	}}
	v := versionOf(info)
	require.Equal(t, buildVersion{
		Version: "v1.2.3", Revision: "0123456789abcdef0123", Time: "2026-01-02T15:04:05Z", Modified: true,
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
	}, v)
	var text strings.Builder
	require.NoError(t, v.writeText(&text))
	require.Equal(t, "sig v1.2.3, revision 0123456789ab with changes, "+runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH+"\n", text.String())
	require.Equal(t, "(devel)", versionOf(nil).Version)
}

// What is wrong with a command line goes to standard error with where to look; the exit
// code is 2.
func TestUsageErrors(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"bogus"}, "sig: unknown command \"bogus\" for \"sig\"\nSee sig --help.\n"},
		{[]string{"lisen"}, "sig: unknown command \"lisen\" for \"sig\"; did you mean sig listen?\nSee sig --help.\n"},
		{[]string{"--bogus"}, "sig: unknown flag: --bogus\nSee sig --help.\n"},
		{[]string{"version", "extra"}, "sig: sig version takes no arguments, and was given \"extra\"\nSee sig version --help.\n"},
		{[]string{"version", "--json=maybe"}, "sig: --json is \"maybe\"; it has to be true or false\nSee sig version --help.\n"},
		{[]string{"listen", "--count", "x"}, "sig: --count is \"x\"; it has to be a whole number\nSee sig listen --help.\n"},
		{[]string{"request", "a", "b", "--timeout", "5"}, "sig: --timeout is \"5\"; it has to be a time such as 500ms, 10s or 1h\nSee sig request --help.\n"},
		{[]string{"help", "lisen"}, "sig: unknown command \"lisen\" for \"sig\"; did you mean sig listen?\nSee sig help --help.\n"},
		{[]string{"completion", "ksh"}, "sig: unknown command \"ksh\" for \"sig completion\"; did you mean sig completion bash or fish or zsh?\nSee sig completion --help.\n"},
		{[]string{"serve", "--drain", "-1s"}, "sig: --drain is -1s; it cannot be less than nothing\n"},
		{[]string{"senders", "--url", "ftp://x"}, "sig: \"ftp://x\" is no address of a router; those begin with exec, serial, stdio, tcp, tls, unix, ws, wss\n"},
	} {
		r := sigRun(t, c.args...)
		require.Equal(t, result{stderr: c.says, code: exitUsage}, r, "sig %q", c.args)
	}
}

func TestHelpListsExitCodes(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"version", "--help"}, {"help", "version"}} {
		r := sigRun(t, args...)
		require.Equal(t, exitDone, r.code)
		require.Contains(t, r.stdout, exitHelp, "sig %q", args)
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		r := sigRun(t, "completion", shell)
		require.Equal(t, exitDone, r.code)
		require.Contains(t, r.stdout, "sig", shell)
		require.Empty(t, r.stderr)
	}
	r := sigRun(t, "__complete", "ver")
	require.Contains(t, r.stdout, "version\t")
}

// A full disk, a closed pipe: whatever keeps results from being written is an error.
func TestResultsThatCannotBeWritten(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		needs.Skip(t, err)
	}
	defer full.Close()
	for _, args := range [][]string{{"version"}, {"version", "--json"}} {
		cmd := command(t, args...)
		cmd.Stdout = full
		out, err := cmd.StderrPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		var stderr [200]byte
		n, _ := out.Read(stderr[:])
		_ = cmd.Wait() // the state says it all
		require.Equal(t, exitFailed, cmd.ProcessState.ExitCode())
		require.Contains(t, string(stderr[:n]), "no space left on device")
	}
}

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, exitDone},
		{errors.New("disk full"), exitFailed},
		{usagef("no"), exitUsage},
		{connectError{errors.New("refused"), defaultURL}, exitConnect},
		{connectError{sig.ErrTimeout, defaultURL}, exitConnect},
		{connectError{sig.ErrRefused, defaultURL}, exitRefused},
		{sig.ErrNotConnected, exitConnect},
		{sig.ErrShuttingDown, exitConnect},
		{fmt.Errorf("trigger: %w", sig.ErrRefused), exitRefused},
		{sig.ErrTimeout, exitTimeout},
		{sig.ErrNoSender, exitNobody},
		{sig.ErrNoEvent, exitNobody},
		{sig.ErrNoMethod, exitNobody},
		{sig.ErrNoListener, exitNobody},
		{sig.ErrTaken, exitRemote},
		{sig.ErrLimit, exitRemote},
		{&sig.Error{Status: sig.StatusFailed, Message: "division by zero"}, exitRemote},
		{fmt.Errorf("listen: %w", errInterrupted), exitInterrupted},
	} {
		require.Equal(t, c.want, exitCode(c.err), "%v", c.err)
	}
}

func TestCheckURL(t *testing.T) {
	for _, good := range []string{
		"tcp://127.0.0.1:3000", "tcp://:3000", "unix:sig.sock", "unix:///run/sig.sock", "ws://host/path",
		"serial:///dev/ttyUSB0?baud=9600", "stdio:", "exec:cat", "local://x",
	} {
		require.NoError(t, checkURL(good), good)
	}
	for bad, says := range map[string]string{
		"":               `"" is no address; write it as tcp://127.0.0.1:3000`,
		"localhost":      `"localhost" is no address; write it as tcp://127.0.0.1:3000`,
		"127.0.0.1:3000": `"127.0.0.1:3000" is no address; did you mean tcp://127.0.0.1:3000?`,
		"localhost:3000": `"localhost:3000" is no address; did you mean tcp://localhost:3000?`,
		"/run/sig.sock":  `"/run/sig.sock" is no address; write it as tcp://127.0.0.1:3000`,
		"tcp://a b":      `"tcp://a b" is no address; write it as tcp://127.0.0.1:3000`,
	} {
		err := checkURL(bad)
		require.EqualError(t, err, says)
		require.Equal(t, exitUsage, exitCode(err))
	}
}
