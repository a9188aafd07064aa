package main

import (
	"io"
	"math"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/testcert"
)

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sig.toml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// A flag goes before the environment, that before the file, that before the default.
func TestConfigOrder(t *testing.T) {
	file := writeConfig(t, "listen = [\"tcp://127.0.0.1:0\", \"ws://127.0.0.1:0/sig\"]\nname = \"from the file\"\nlog = \"json\"\n")
	p := start(t, "serve", "--config", file)
	line := p.Line()
	require.Contains(t, line, `"name":"from the file"`)
	require.Contains(t, line, `"tcp://127.0.0.1:`)
	require.Contains(t, line, `"ws://127.0.0.1:`)

	cmd := command(t, "serve")
	cmd.Env = append(cmd.Env, "SIG_CONFIG="+file, "SIG_NAME=from the environment", "SIG_LISTEN=unix:a unix:b")
	line = startCommand(t, cmd).Line()
	require.Contains(t, line, `"name":"from the environment"`)
	require.Contains(t, line, `"listen":["unix:a","unix:b"]`)

	cmd = command(t, "serve", "--listen", "unix:c", "--config", file, "--name", "from the flag")
	cmd.Env = append(cmd.Env, "SIG_NAME=from the environment", "SIG_LISTEN=unix:a unix:b")
	line = startCommand(t, cmd).Line()
	require.Contains(t, line, `"name":"from the flag"`)
	require.Contains(t, line, `"listen":["unix:c"]`)
}

func TestConfigIsChecked(t *testing.T) {
	good := writeConfig(t, "listen = \"tcp://127.0.0.1:0\"\nquiet = true\ndrain = \"1s\"\n[limits]\nmax-message = 4096\ncall-timeout = \"1m\"\n")
	require.Equal(t, result{}, sigRun(t, "serve", "--config", good, "--check-config"))
	for says, text := range map[string]string{
		"line 2: ":                                     "name = \"x\"\nname = \"y\"\n",
		"unknown setting \"nmae\"; known are ":         "nmae = \"x\"\n",
		"unknown setting \"tls.crt\"; known are":       "[tls]\ncrt = \"x\"\n",
		"tls.cert, tls.client-ca, ":                    "[tls]\nx = 1\n",
		"unknown setting \"config\"":                   "config = \"other.toml\"\n",
		"one value is wanted, not a list":              "name = [\"a\", \"b\"]\n",
		"1.5 is neither text, whole number":            "name = 1.5\n",
		"a list of texts is wanted, not [1 [2]]":       "name = [1, [2]]\n",
		`drain: time: invalid duration "soon"`:         "drain = \"soon\"\n",
		"unknown limit \"max-mesage\"; known are max":  "[limits]\nmax-mesage = 1\n",
		`limit max-message: "0" is no whole number ab`: "[limits]\nmax-message = 0\n",
		`limit call-timeout: "5" is no time such as 3`: "[limits]\ncall-timeout = 5\n",
		"limits.max-message: one value is wanted":      "[limits]\nmax-message = [1, 2]\n",
		`"x" is no address`:                            "listen = \"x\"\n",
		"nowhere to listen":                            "listen = []\n",
		`no carrier for "bogus:x"; known are`:          "listen = \"bogus:x\"\n",
		"needs a certificate":                          "listen = \"tls://127.0.0.1:0\"\n",
		"--tls-cert and --tls-key: open /no/such":      "[tls]\ncert = \"/no/such\"\n",
		"--tls-client-ca: open /no/such":               "[tls]\nclient-ca = \"/no/such\"\n",
	} {
		r := sigRun(t, "serve", "--config", writeConfig(t, text), "--check-config")
		require.Equal(t, exitUsage, r.code, "%s: %s", text, r.stderr)
		require.Contains(t, r.stderr, says, text)
		require.Empty(t, r.stdout)
	}
	require.Equal(t, exitUsage, sigRun(t, "serve", "--config", "/no/such").code)
}

// All that is wrong is said at once, one thing a line, in the order of the file; what only
// follows from it is not.
func TestConfigProblemsTogether(t *testing.T) {
	file := writeConfig(t, `nmae = "x"
log = "xml"
listen = ["tls://127.0.0.1:0", "x", "tcp://127.0.0.1:0", "bogus:x"]
drain = "soon"
http = "3080"
pprof = true
dashboard-token-file = "/no/such"
token-file = "/no/such"
quiet = ["a", "b"]

[limits]
max-mesage = 1
call-timeout = 5
max-calls = [1, 2]

[tls]
client-ca = "/no/such"
cert = 1.5
crt = 1
`)
	r := sigRun(t, "serve", "--config", file, "--check-config", "--name", "x", "--limit", "max-conns=x", "--metrics", "x")
	require.Equal(t, exitUsage, r.code)
	require.Empty(t, r.stdout)
	var begins []string
	want := []string{
		"sig: " + file + ": unknown setting \"nmae\"", `sig: --log is "xml"`, `sig: "x" is no address`, `sig: carrier: no carrier for "bogus:x"`,
		"sig: " + file + ": drain: ", `sig: --http is "3080"`, "sig: --dashboard-token-file: open", "sig: --token-file: open",
		"sig: " + file + ": quiet: one value", "sig: " + file + ": limits.max-calls: one value",
		"sig: --tls-client-ca: open", "sig: " + file + ": tls.cert: 1.5 is", "sig: " + file + ": unknown setting \"tls.crt\"",
		`sig: --metrics is "x"`, `sig: limit max-conns: "x"`, // flags stand in no file
	}
	for i, line := range strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n") {
		if i < len(want) && strings.HasPrefix(line, want[i]) {
			line = want[i]
		}
		begins = append(begins, line)
	}
	require.Equal(t, want, begins)

	r = sigRun(t, "serve", "--config", writeConfig(t, "[limits]\nmax-mesage = 1\ncall-timeout = 5\nmax-calls = 0\n"))
	require.Equal(t, exitUsage, r.code)
	require.Regexp(t, `^sig: unknown limit "max-mesage".*\nsig: limit call-timeout: .*\nsig: limit max-calls: .*\n$`, r.stderr)
}

// Every flag can be set in the file and in the environment, but for those that belong to one
// call.
func TestEveryFlagIsConfigurable(t *testing.T) {
	serve := (&app{}).serveCommand().Flags()
	require.Empty(t, slices.DeleteFunc(commandLineOnly(), func(name string) bool {
		return name == "help" || serve.Lookup(name) != nil
	}), "no such flags")
	for _, name := range configurable(serve) {
		text := map[string]string{"bool": "true", "duration": "7s", "int": "7", "string": "x", "stringArray": "x"}[serve.Lookup(name).Value.Type()]
		require.NotEmpty(t, text, "the test has no value for --%s", name)
		setting, table := settingName(name), ""
		if name == "limit" {
			text, setting = "max-calls=x", "limits.max-calls"
		}
		if before, after, ok := strings.Cut(setting, "."); ok {
			table, setting = "["+before+"]\n", after
		}
		for where, set := range map[string]func(*pflag.FlagSet) (*problems, error){
			"environment": func(f *pflag.FlagSet) (*problems, error) {
				return fillIn(f, func(v string) string { return map[string]string{variable(name): text}[v] }, "")
			},
			"file": func(f *pflag.FlagSet) (*problems, error) {
				_, value, _ := strings.Cut("="+text, "=")
				if name == "limit" {
					value = "x"
				}
				if value != "true" && value != "7" {
					value = strconv.Quote(value)
				}
				return fillIn(f, func(string) string { return "" }, writeConfig(t, table+setting+" = "+value+"\n"))
			},
		} {
			flags := (&app{}).serveCommand().Flags()
			wrong, err := set(flags)
			require.NoError(t, err, "%s in the %s", name, where)
			require.NoError(t, wrong.err(), "%s in the %s", name, where)
			require.Equal(t, text, strings.Trim(flags.Lookup(name).Value.String(), "[]"), "%s in the %s", name, where)
		}
	}
}

// Limits of the command line hold for clients.
func TestServeLimits(t *testing.T) {
	s := startServer(t, "--limit", "max-message=4096", "--limit", "max-senders=1")
	r := sigRun(t, "trigger", "a", "b", `"`+strings.Repeat("x", 5000)+`"`, "--unheard", "--url", s.url)
	require.NotEqual(t, exitDone, r.code, "a message of 5,000 bytes")
	require.Equal(t, exitUsage, sigRun(t, "serve", "--limit", "max-message").code)
}

// Every limit there is can be set.
func TestParseLimits(t *testing.T) {
	var all []string
	fields := limitFields()
	for i, name := range limitNames() {
		value := "7"
		if fields[i].Type == reflect.TypeFor[time.Duration]() {
			value = "7ns"
		}
		all = append(all, name+"="+value)
	}
	var wrong problems
	limits := parseLimits(all, &wrong)
	require.NoError(t, wrong.err())
	limits.DrainTimeout = 7 // --drain says it
	router := reflect.ValueOf(limits.Limits)
	for i := range router.NumField() {
		require.EqualValues(t, 7, router.Field(i).Int(), router.Type().Field(i).Name)
	}
	require.Equal(t, serveLimits{limits.Limits, 7, 7, 7, 7, 7}, limits)
	require.Contains(t, limitNames(), "queue-soft-time")
	require.NotContains(t, limitNames(), "drain-timeout")
}

// What waits for all clients is a quarter of the memory that the process may use, and so is
// what is kept of their messages.
func TestMemoryShare(t *testing.T) {
	require.Equal(t, 256<<20, memoryShare(math.MaxInt64, 256<<20), "no limit")
	require.Equal(t, 256<<20, memoryShare(4<<30, 256<<20))
	require.Equal(t, 16<<20, memoryShare(64<<20, 256<<20))
	s := command(t, "serve", "--listen", "tcp://127.0.0.1:0")
	s.Env = append(s.Env, "GOMEMLIMIT=64MiB")
	r := sigRun(t, "request", "#router", "status", "--url", serverOf(t, startCommand(t, s)).url)
	require.Contains(t, r.stdout, `"QueueTotalBytes":16777216`, r.stderr)
	require.Contains(t, r.stdout, `"PartialTotalBytes":16777216`, r.stderr)
}

// Who does not get past the handshake in time is cut off, and counted.
func TestServeHandshakeLimit(t *testing.T) {
	cert, key := testcert.Files(t, testcert.NewCA(t).Server(t, testcert.Leaf{}))
	s := startServer(t, "--limit", "handshake-timeout=50ms", "--tls-cert", cert, "--tls-key", key,
		"--listen", "tcp://127.0.0.1:0", "--listen", "tls://127.0.0.1:0", "--listen", "ws://127.0.0.1:0/sig")
	for _, address := range s.ready.Listen[1:] {
		u, err := url.Parse(address)
		require.NoError(t, err)
		conn, err := net.Dial("tcp", u.Host)
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(testPatience)))
		_, err = io.Copy(io.Discard, conn)
		require.NoError(t, err, "%s: the router closes", address)
	}
	s.await(func() bool {
		return strings.Contains(sigRun(t, "request", "#router", "status", "--url", s.url).stdout, `"turned_away":2`)
	}, "both to be counted")
}
