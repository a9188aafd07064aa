package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/testcert"
)

// makeToken makes a token with sig token, adds its line to the router's file, and returns
// the file to log in with.
func makeToken(t *testing.T, tokens, name string, roles ...string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "token")
	r := sigRun(t, append([]string{"token", name, "--out", file, "--add-to", tokens}, roles...)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	return file
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	old, err := os.ReadFile(file)
	require.True(t, err == nil || os.IsNotExist(err), "%v", err)
	require.NoError(t, os.WriteFile(file, append(old, text...), 0o600))
}

// A token is printed once; what is printed works as it stands.
func TestToken(t *testing.T) {
	r := sigRun(t, "token", "ana smith", "operator", "guest")
	require.Equal(t, exitDone, r.code, r.stderr)
	var made tokenLine
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &made))
	require.Equal(t, "ana smith", made.Name)
	require.Contains(t, made.Line, `token  "ana smith"  sha256:`)
	require.True(t, strings.HasSuffix(made.Line, "  operator  guest"))
	require.NotContains(t, made.Line, made.Token)

	dir := t.TempDir()
	tokens, mine := filepath.Join(dir, "tokens"), filepath.Join(dir, "mine")
	appendTo(t, tokens, made.Line) // no end of line
	appendTo(t, mine, made.Token+"\n")
	other := makeToken(t, tokens, "bob", "guest")
	st, err := os.Stat(other)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), st.Mode())
	s := startServer(t, "--token-file", tokens)
	for _, file := range []string{mine, other} {
		require.Equal(t, result{}, sigRun(t, "senders", "--url", s.url, "--token-file", file))
	}

	terminal := onTerminal(t, nil, "token", "ana").read("sha256:")
	require.Contains(t, terminal, "The token of ana, shown this once:")
	require.Contains(t, terminal, "The line for the router's file:")
	for says, args := range map[string][]string{
		"token name":    {"token", ""},
		"is no role":    {"token", "ana", "x,y"},
		"needs more":    {"token"},
		"a token is no": {"token", "ana", "--out", mine},
	} {
		r := sigRun(t, args...)
		require.Equal(t, exitUsage, r.code, "%q", args)
		require.Contains(t, r.stderr, says)
		require.NotContains(t, r.stdout+r.stderr, "sig_", "no secret")
	}
}

// A loginServer listens everywhere and lets in whom a file names.
type loginServer struct {
	*server
	tokens, ana string            // the router's file, and the token of an operator
	urls        map[string]string // by scheme
	show        []string          // flags of a client with a certificate
	trust       []string          // flags of a client of a TLS address
}

const loginRules = `allow operator any >
allow sensor add,trigger sensor.{name}
allow guest listen weather.>
`

func startLoginServer(t *testing.T, lines string) *loginServer {
	t.Helper()
	dir := t.TempDir()
	s := &loginServer{tokens: filepath.Join(dir, "tokens"), urls: map[string]string{}}
	s.ana = makeToken(t, s.tokens, "ana", "operator")
	appendTo(t, s.tokens, lines)
	ca := testcert.NewCA(t)
	cert, key := testcert.Files(t, ca.Server(t, testcert.Leaf{}))
	clientCert, clientKey := testcert.Files(t, ca.Client(t, testcert.Leaf{Name: "pump"}))
	s.trust = []string{"--ca", ca.File(t)}
	s.show = append(s.trust, "--cert", clientCert, "--key", clientKey)
	s.server = startServer(t, "--token-file", s.tokens,
		"--listen", "tcp://127.0.0.1:0", "--listen", "unix://"+filepath.Join(dir, "sock"), "--listen", "ws://127.0.0.1:0/sig",
		"--listen", "tls://127.0.0.1:0", "--listen", "wss://127.0.0.1:0/sig",
		"--tls-cert", cert, "--tls-key", key, "--tls-client-ca", ca.File(t), "--tls-client-optional")
	for _, url := range s.ready.Listen {
		scheme, _, _ := strings.Cut(url, ":")
		s.urls[scheme] = url
	}
	return s
}

// Without a login nothing goes, on any carrier, with each command; the message says what to
// do, the exit code is 4.
func TestLogin(t *testing.T) {
	s := startLoginServer(t, loginRules)
	bad := filepath.Join(t.TempDir(), "bad")
	appendTo(t, bad, "sig_nonsense")
	for scheme, url := range s.urls {
		var trust []string
		if encrypted(url) {
			trust = s.trust
		}
		commands := clientCommands()
		if scheme != "tcp" {
			commands = [][]string{{"senders"}}
		}
		for _, args := range commands {
			for _, token := range [][]string{nil, {"--token-file", bad}} {
				r := sigRun(t, append(append(append(args, "--url", url), trust...), token...)...)
				require.Equal(t, exitRefused, r.code, "%s %q: %s", scheme, args, r.stderr)
				require.Empty(t, r.stdout)
				require.Contains(t, r.stderr, "the server says: not logged in")
				require.Contains(t, r.stderr, "give it with --token-file, or with --cert and --key")
			}
		}
		r := sigRun(t, append([]string{"senders", "--url", url, "--token-file", s.ana}, trust...)...)
		require.Equal(t, result{}, r, scheme)
	}
	for _, method := range []string{"get_version", "list_senders", "add_sender", "add_listener", "signal", "request", "ping", "describe"} {
		require.Contains(t, s.raw().call(`{"id":1,"method":"`+method+`","params":{"sender":"a","event":"b"}}`), `"status":-5`, method)
	}
	require.NotContains(t, s.Errors(), "nonsense", "no secret in the log")
}

// A user of this machine, and the holder of a certificate, need no token; what each may do
// stands in the file.
func TestLoginByCarrier(t *testing.T) {
	s := startLoginServer(t, loginRules+fmt.Sprintf("user %d guest\ncertificate pump sensor\n", os.Getuid()))
	guest := []string{"--url", s.urls["unix"]}
	for _, c := range []struct {
		code int
		who  []string
		args []string
	}{
		{exitDone, guest, []string{"senders"}},
		{exitDone, guest, []string{"listen", "weather.rome", "--retained-only"}},
		{exitRefused, guest, []string{"listen", "sensor.pump", "--retained-only"}},
		{exitRefused, guest, []string{"trigger", "weather.rome", "rain"}},
		{exitRefused, guest, []string{"request", "weather.rome", "now"}},
		{exitDone, append(s.show, "--url", s.urls["tls"]), []string{"trigger", "sensor.pump", "on"}},
		{exitDone, append(s.show, "--url", s.urls["wss"]), []string{"trigger", "sensor.pump", "on"}},
		{exitRefused, append(s.show, "--url", s.urls["wss"]), []string{"trigger", "sensor.other", "on"}},
		{exitRefused, append(s.show, "--url", s.urls["tls"]), []string{"listen", "sensor.pump", "--retained-only"}},
		{exitDone, append(s.trust, "--url", s.urls["tls"], "--token-file", s.ana), []string{"trigger", "x", "y", "--unheard"}},
	} {
		r := sigRun(t, append(c.args, c.who...)...)
		require.Equal(t, c.code, r.code, "%q: %s", c.args, r.stderr)
		if c.code == exitRefused {
			require.Contains(t, r.stderr, "not permitted to")
		}
	}
}

// SIGHUP reads the file again; who is connected follows at once. A file that is wrong
// changes nothing.
func TestLoginReload(t *testing.T) {
	s := startLoginServer(t, "")
	bob := makeToken(t, s.tokens, "bob", "guest")
	without, err := os.ReadFile(s.tokens)
	require.NoError(t, err)
	eve := makeToken(t, s.tokens, "eve", "guest")
	flags := []string{"--url", s.url, "--token-file"}
	senders := func(token string) int { return sigRun(t, append(append([]string{"senders"}, flags...), token)...).code }
	require.Equal(t, exitRefused, senders(eve), "not read yet")
	s.Signal(syscall.SIGHUP)
	s.awaitLogs("msg=reloaded file=", 1)
	require.Equal(t, exitDone, senders(eve))

	listening := start(t, append(append([]string{"listen", "door"}, flags...), eve)...)
	staying := start(t, append(append([]string{"listen", "door", "--count", "1"}, flags...), bob)...)
	triggering := start(t, append(append([]string{"trigger", "clock", "tic", "--unheard", "--every", "10ms"}, flags...), eve)...)
	s.awaitPeers(4)

	appendTo(t, s.tokens, "nonsense\n")
	s.Signal(syscall.SIGHUP)
	s.awaitLog("cannot reload, going on with what was there")
	require.Contains(t, s.Errors(), "a line begins with token, certificate")
	require.Equal(t, exitDone, senders(eve))

	require.NoError(t, os.WriteFile(s.tokens, without, 0o600))
	s.Signal(syscall.SIGHUP)
	for _, p := range []*process{listening, triggering} {
		_, code := p.Wait()
		require.Equal(t, exitRefused, code, p.Errors())
		require.Contains(t, p.Errors(), "no longer permitted")
		require.Contains(t, p.Errors(), "the server says: not logged in")
	}
	require.Equal(t, exitRefused, senders(eve))

	appendTo(t, s.tokens, "allow guest listen door opened\nallow operator any >\n")
	s.Signal(syscall.SIGHUP)
	s.awaitLogs("msg=reloaded file=", 3)
	for _, event := range []string{"closed", "opened"} {
		r := sigRun(t, "trigger", "door", event, "--unheard", "--url", s.url, "--token-file", s.ana)
		require.Equal(t, exitDone, r.code, r.stderr)
	}
	require.Contains(t, staying.Line(), `"event":"opened"`, "who stays hears what is left")
	_, code := staying.Wait()
	require.Equal(t, exitDone, code)
}

// What may be wrong with the file is said before anything has begun.
func TestTokenFileIsChecked(t *testing.T) {
	for says, text := range map[string]string{
		":1: a line begins with token": "nonsense\n",
		"no rule is about role op":     "user 1 op\nallow ops any >\n",
	} {
		file := filepath.Join(t.TempDir(), "tokens")
		appendTo(t, file, text)
		for _, args := range [][]string{{"serve", "--check-config"}, {"serve"}} {
			r := sigRun(t, append(args, "--token-file", file)...)
			require.Equal(t, exitUsage, r.code)
			require.Contains(t, r.stderr, says)
		}
	}
	r := sigRun(t, "serve", "--token-file", "/no/such", "--check-config")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.stderr, "--token-file: open /no/such")
}

// What an address that others reach lacks is said loudly, whatever has been set up.
func TestExposure(t *testing.T) {
	for _, c := range []struct {
		address             string
		login, certificates bool
		lacks               string
	}{
		{"tcp://127.0.0.1:1", false, false, ""},
		{"unix:///run/s", false, false, ""},
		{"tcp://0.0.0.0:1", false, false, "without login or encryption"},
		{"tcp://0.0.0.0:1", false, true, "without login or encryption"},
		{"ws://0.0.0.0:1/sig", true, false, "without encryption"},
		{"tls://0.0.0.0:1", false, false, "without login"},
		{"tls://0.0.0.0:1", false, true, ""},
		{"wss://0.0.0.0:1/sig", true, false, ""},
	} {
		lacks, danger := exposure(c.address, c.login, c.certificates)
		require.Equal(t, c.lacks, lacks, "%+v", c)
		require.Equal(t, lacks == "", danger == "")
	}
}

// A file that lets strangers do everything is no login.
func TestServeWarnsOfAnonymous(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	appendTo(t, file, "anonymous guest\n")
	s := startServer(t, "--listen", "tcp://0.0.0.0:0", "--token-file", file)
	s.awaitLog("LISTENING BEYOND THIS MACHINE without login or encryption")
	appendTo(t, file, "allow guest listen weather.>\n")
	s.Signal(syscall.SIGHUP)
	s.awaitLog("LISTENING BEYOND THIS MACHINE without encryption")
}
