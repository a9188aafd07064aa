package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/api"
)

// A workshop is a sender that describes itself.
type workshop struct{}

// A part is what a workshop makes.
type part struct {
	Name string `json:"name"`
	Size int    `json:"size" min:"1" max:"9" default:"5"`
}

func (workshop) Status() string { return "ok" }

func (workshop) Multiply(a, b int) int { return a * b }

func (workshop) Show(extra bool, order string) []string {
	return []string{"Basic", map[bool]string{true: "Extra!!"}[extra], order}
}

func (workshop) Make(p part) string { return strings.Repeat(p.Name, p.Size) }

func (workshop) Join(sep string, words ...string) string { return strings.Join(words, sep) }

func (workshop) Weigh(data []byte) int { return len(data) }

func (workshop) Fail() error { return errors.New("out of\nsteel") }

func (workshop) Crash() { panic("no hands") }

func (workshop) Wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// addWorkshop adds a workshop to a router, from a program of its own, and a counter for each id.
func (s *server) addWorkshop() {
	s.t.Helper()
	bus := s.dial().Remote()
	_, err := api.Expose(bus, "workshop", workshop{},
		api.About("where things\nare made"),
		api.Doc("Multiply", "Multiplies.", api.Param("a", "one factor"), api.Param("b", "the other", api.Default(2))),
		api.Doc("Show", "Shows what there is.", api.Param("extra", "all of it", api.Default(false)), api.Param("order", "", api.Choices("up", "down"), api.Default("up"))),
		api.Doc("Join", "", api.Param("sep", ""), api.Param("words", "")),
		api.Doc("Weigh", "", api.Param("data", "")))
	require.NoError(s.t, err)
	each, err := api.ExposeEach(bus, "counter", func(context.Context, *api.Instance) (*tally, error) { return &tally{}, nil },
		api.EachWith(api.Doc("Add", "", api.Param("n", ""))))
	require.NoError(s.t, err)
	s.t.Cleanup(func() { each.Close() })
}

type tally struct{ n int }

func (c *tally) Add(n int) int {
	c.n += n
	return c.n
}

func TestCall(t *testing.T) {
	s := startServer(t)
	s.addWorkshop()
	s.addSender("plain", "tic", newGate().answers()...)
	file := filepath.Join(t.TempDir(), "five")
	require.NoError(t, os.WriteFile(file, []byte("12345"), 0o600))
	for _, c := range []struct {
		line string
		want string
	}{
		{"workshop status", `"ok"`},
		{"workshop multiply 7 6", "42"},
		{"workshop multiply 7", "14"},
		{"workshop multiply --b=-3 7", "-21"},
		{"workshop multiply -7 6", "-42"},
		{"workshop multiply --b 6 --a 7", "42"},
		{"workshop show", `["Basic","","up"]`},
		{"workshop show --extra", `["Basic","Extra!!","up"]`},
		{"workshop show --extra false --order down", `["Basic","","down"]`},
		{"workshop show --no-extra down", "-"}, // down is extra's place
		{"workshop show true down", `["Basic","Extra!!","down"]`},
		{"workshop make --name x", `"xxxxx"`},
		{"workshop make --name x --size 2", `"xx"`},
		{"workshop join - a", `"a"`}, // standard input is empty
		{"workshop join -- --x a", `"a"`},
		{"workshop join + a b c", `"a+b+c"`},
		{"workshop join +", `""`},
		{"workshop weigh @" + file, "5"},
		{"workshop weigh AAAA", "3"},
		{"--raw workshop status", "ok"},
		{"workshop --raw status", "ok"},
		{"counter c1.add 3", "3"},
		{"counter c1.add --n 4", "7"},
		{"counter c2.add 1", "1"},
		{"plain echo 1 two {\"a\":3}", `[1,"two",{"a":3}]`},
		{"plain echo --a=1 --b two", `{"a":1,"b":"two"}`},
		{"workshop describe", "*"},
	} {
		r := sigRun(t, append([]string{"call", "--url", s.url}, strings.Fields(c.line)...)...)
		switch c.want {
		case "-":
			require.Equal(t, exitUsage, r.code, c.line)
			continue
		case "*":
			c.want = strings.TrimSuffix(r.stdout, "\n")
			require.Contains(t, c.want, `"multiply"`)
		}
		require.Equal(t, result{stdout: c.want + "\n"}, r, c.line)
	}
}

func TestCallRefuses(t *testing.T) {
	s := startServer(t)
	s.addWorkshop()
	s.addSender("plain", "tic", newGate().answers()...)
	for _, c := range []struct {
		line string
		code int
		says string
	}{
		{"", exitUsage, "needs the name of a sender"},
		{"--bogus", exitUsage, "unknown flag: --bogus"},
		{"workshop multiply", exitUsage, "a is missing; call it as multiply(a: int64, b: int64 = 2): int64"},
		{"workshop multiply x", exitUsage, `a: "x" is not a whole number`},
		{"workshop multiply 1.5", exitUsage, "call it as multiply"},
		{"workshop multiply 1 2 3", exitUsage, "3 arguments are too many"},
		{"workshop multiply 1 --a 2", exitUsage, "a is given both in order and as --a"},
		{"workshop multiply --a 1 --a 2", exitUsage, "--a is given twice"},
		{"workshop multiply --a", exitUsage, "--a needs a value: int64"},
		{"workshop multiply --c 1", exitUsage, "multiply has no parameter c; call it as"},
		{"workshop multiply -a 1", exitUsage, "two dashes"},
		{"workshop show --extra maybe", exitUsage, "extra"},
		{"workshop show --extra=maybe", exitUsage, `--extra: "maybe" is not true or false`},
		{"workshop show --no-extra=1", exitUsage, "--no-extra takes no value"},
		{"workshop show --order sideways", exitUsage, "up, down"},
		{"workshop make --name x --size 10", exitUsage, "size"},
		{"workshop weigh @/nowhere", exitUsage, "/nowhere"},
		{"workshop mend", exitNobody, "workshop has no method mend; it has crash, fail, join, make, multiply, show, status, wait, weigh"},
		{"counter add", exitNobody, "ID.add"},
		{"nobody x", exitNobody, `"nobody"`},
		{"workshop fail", exitRemote, "out of"},
		{"workshop crash", exitRemote, "crash"},
		{"--timeout 100ms workshop wait", exitTimeout, "call wait of workshop"},
		{"plain bogus", exitNobody, "bogus"},
		{"plain echo 1 --a 2", exitUsage, "give arguments in order, or all by name"},
		{"plain --help", exitNobody, "does not describe itself"},
	} {
		r := sigRun(t, append([]string{"call", "--url", s.url}, strings.Fields(c.line)...)...)
		require.Equal(t, c.code, r.code, "%s: %s", c.line, r.stderr)
		require.Contains(t, r.stderr, c.says, c.line)
		require.Empty(t, r.stdout, c.line)
	}
}

func TestCallHelp(t *testing.T) {
	s := startServer(t)
	s.addWorkshop()
	s.addSender("plain", "tic")
	url := []string{"call", "--url", s.url}

	r := sigRun(t, append(url, "--help")...)
	require.Zero(t, r.code)
	require.Contains(t, r.stdout, "--token-file", "flags of its own")
	require.Contains(t, r.stdout, "Senders at "+s.url+":\n  counter    \n  workshop   where things\n")
	require.NotContains(t, r.stdout, "plain")

	for _, line := range []string{"workshop", "workshop --help", "--help workshop"} {
		r = sigRun(t, append(url, strings.Fields(line)...)...)
		require.Zero(t, r.code, line)
		require.Contains(t, r.stdout, "where things\nare made\n\nUsage:\n  sig call workshop METHOD")
		require.Contains(t, r.stdout, "  multiply   Multiplies.\n")
	}
	r = sigRun(t, append(url, "workshop", "show", "-h")...)
	require.Equal(t, `Shows what there is.

Usage:
  sig call workshop show [EXTRA] [ORDER]

Parameters:
  --extra, --no-extra   boolean   all of it; default false
  --order               string    one of up, down; default "up"

Returns: *string
`, r.stdout)
	r = sigRun(t, append(url, "workshop", "make", "--help")...)
	require.Contains(t, r.stdout, "--size   int64    1 to 9; default 5\n")
	r = sigRun(t, append(url, "counter")...)
	require.Contains(t, r.stdout, "  ID.add")

	r = sigRun(t, "call", "--help", "--url", "tcp://127.0.0.1:1")
	require.Zero(t, r.code, "help is help without a router too")
	require.Contains(t, r.stdout, "Usage:")
	require.Contains(t, r.stderr, "No router answers at tcp://127.0.0.1:1")
}

func TestCallCompletes(t *testing.T) {
	s := startServer(t)
	s.addWorkshop()
	for line, want := range map[string]string{
		"|":                            "counter workshop",
		"wo|":                          "workshop",
		"workshop |":                   "crash fail join make multiply show status wait weigh",
		"workshop m|":                  "make multiply",
		"workshop show --|":            "--extra --order",
		"workshop show --extra --|":    "--order",
		"workshop show --order |":      "up down",
		"workshop show --order d|":     "down",
		"workshop show |":              "true false",
		"workshop show true |":         "up down",
		"counter c1.|":                 "c1.add",
		"--js|":                        "--json",
		"nobody |":                     "",
		"workshop show true up more |": "",
	} {
		args := []string{"__complete", "call", "--url", s.url}
		before, typed, _ := strings.Cut(line, "|")
		words := strings.Fields(before)
		if before != "" && !strings.HasSuffix(before, " ") {
			typed = words[len(words)-1]
			words = words[:len(words)-1]
		}
		r := sigRun(t, append(append(args, words...), typed)...)
		var got []string
		for _, l := range strings.Split(r.stdout, "\n") {
			if word, _, _ := strings.Cut(l, "\t"); word != "" && !strings.HasPrefix(word, ":") {
				got = append(got, word)
			}
		}
		require.Equal(t, want, strings.Join(got, " "), line)
	}
}

// A method's own time to wait goes before the command's default.
func TestCallTimeout(t *testing.T) {
	s := startServer(t)
	_, err := api.Serve(s.dial().Remote(), "slow", api.Method("wait", "", func(ctx context.Context, _ api.None) (api.None, error) {
		<-ctx.Done()
		return api.None{}, ctx.Err()
	}, api.Timeout(50*time.Millisecond)))
	require.NoError(t, err)
	r := sigRun(t, "call", "--url", s.url, "--json", "slow", "wait")
	require.Equal(t, exitTimeout, r.code, r.stderr)
}
