package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/needs"
)

// completed returns what sig offers for the last of the arguments.
func completed(t *testing.T, args ...string) string {
	t.Helper()
	r := sigRun(t, append([]string{"__complete"}, args...)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	i := strings.LastIndexByte(r.stdout, ':')
	require.GreaterOrEqual(t, i, 0, r.stdout)
	return r.stdout[:i]
}

func TestCompletionOfNames(t *testing.T) {
	s := startServer(t)
	s.addSender("timer", "tic", newGate().answers()...)
	s.addSender("thermo", "celsius")
	s.heard("door")
	file := recordingFile(t, testHeader+testLines)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"listen", ""}, "door\nthermo\ntimer\n"},
		{[]string{"listen", "ti"}, "timer\n"},
		{[]string{"listen", "timer", ""}, "tic\n"},
		{[]string{"listen", ">", ""}, "celsius\ntic\n"},
		{[]string{"record", "file", ""}, "door\nthermo\ntimer\n"},
		{[]string{"record", "file", "thermo", ""}, "celsius\n"},
		{[]string{"trigger", ""}, "door\n"}, // the names of the others are taken
		{[]string{"trigger", "timer", "t"}, "tic\n"},
		{[]string{"request", "th"}, "thermo\n"},
		{[]string{"request", "timer", ""}, "divide\necho\nrefuse\ntext\nwait\n"},
		{[]string{"request", "thermo", ""}, ""},
		{[]string{"replay", file, ""}, "a\nb\nb.c\n"},
		{[]string{"replay", file, "b.*", ""}, "f\n"},
	} {
		args := append([]string{c.args[0], "--url", s.url}, c.args[1:]...)
		require.Equal(t, c.want, completed(t, args...), "%q", c.args)
	}
	require.Empty(t, completed(t, "listen", "--url", "tcp://127.0.0.1:1", ""), "without a router there is nothing to offer")
}

func TestCompletionOfFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"top", "--sort", "l"}, "listeners\n"},
		{[]string{"top", "--view", "peers", "--sort", "d"}, "dropped\n"},
		{[]string{"top", "--view", ""}, "signals\npeers\nrequests\n"},
		{[]string{"listen", "--color", ""}, "auto\nalways\nnever\n"},
		{[]string{"demo", "--color", "al"}, "always\n"},
		{[]string{"serve", "--log", ""}, "text\njson\n"},
		{[]string{"serve", "--limit", "max-mess"}, "max-message=\nmax-message-login=\nmax-messages-second=\n"},
		{[]string{"listen", "--url", "t"}, "tcp://\ntls://\n"},
		{[]string{"replay", "--rate", "m"}, "max\n"},
		{[]string{"gen", "--lang", "j"}, "js\n"},
		{[]string{"bench", "f"}, "fanout\n"},
		{[]string{"listen", "--count", ""}, ""},
	} {
		got := ""
		for line := range strings.Lines(completed(t, c.args...)) {
			if strings.HasPrefix(line, c.args[len(c.args)-1]) { // shells leave the others out
				got += line
			}
		}
		require.Equal(t, c.want, got, "%q", c.args)
	}
}

// The script for bash does in a real one what pressing Tab does.
func TestCompletionInBash(t *testing.T) {
	bash := needs.Program(t, "bash")
	s := startServer(t)
	s.addSender("timer", "tic", newGate().answers()...)
	s.addSender("with space", "e")
	script := sigRun(t, "completion", "bash")
	file := filepath.Join(t.TempDir(), "sig.bash")
	require.NoError(t, os.WriteFile(file, []byte(script.stdout), 0o600))
	for _, c := range []struct {
		line string
		want string
	}{
		{"sig lis", "listen"},
		{"sig listen t", "timer"},
		{"sig listen timer ", "tic"},
		{"sig request timer ec", "echo"},
		{"sig top --so", "--sort"},
		{"sig top --view pe", "peers"},
		{"sig listen w", `with\ space`},
	} {
		cmd := command(t)
		dir := filepath.Dir(cmd.Path)
		cmd.Path = bash
		// What bash does when Tab is pressed; the function beside it is a part of the
		// bash-completion package, which may not be installed.
		cmd.Args = []string{bash, "--norc", "-c", `
PATH=` + dir + `:$PATH
_get_comp_words_by_ref() { cur=${COMP_WORDS[COMP_CWORD]}; prev=${COMP_WORDS[COMP_CWORD-1]}; words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; }
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
read -ra COMP_WORDS <<<"$2"
[[ $2 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9
__start_sig
printf '%s\n' "${COMPREPLY[@]}"
`, "bash", file, c.line}
		cmd.Env = append(cmd.Env, "SIG_URL="+s.url)
		r := runCommand(t, cmd)
		require.Equal(t, c.want, strings.TrimSpace(r.stdout), "%q: %s", c.line, r.stderr)
	}
}

// Where the shells are, they find nothing wrong with their scripts.
func TestCompletionScriptsAreShell(t *testing.T) {
	for shell, check := range map[string][]string{"bash": {"-n"}, "zsh": {"-n"}, "fish": {"--no-execute"}} {
		script := sigRun(t, "completion", shell).stdout
		require.Contains(t, script, "__complete", shell)
		path, err := exec.LookPath(shell)
		if err != nil {
			continue // the text is all that can be looked at
		}
		file := filepath.Join(t.TempDir(), shell)
		require.NoError(t, os.WriteFile(file, []byte(script), 0o600))
		out, err := exec.Command(path, append(check, file)...).CombinedOutput()
		require.NoError(t, err, "%s: %s", shell, out)
	}
}
