package auth

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// An oracle says what rules permit, as the package's comment does and by other means.
type oracle struct {
	globs
	rules []Rule
}

func (o oracle) may(a Action, sender, name string) bool {
	allowed := false
	for _, r := range o.rules {
		if r.Actions&a == 0 || !o.match(r.Sender, sender) || a != Add && !o.match(r.Name, name) {
			continue
		}
		if r.Deny {
			return false
		}
		allowed = true
	}
	return allowed
}

// globs are patterns as regular expressions.
type globs map[string]*regexp.Regexp

func (g globs) match(pattern, name string) bool {
	re, ok := g[pattern]
	if !ok {
		re = glob(pattern)
		g[pattern] = re
	}
	return re.MatchString(name)
}

func glob(pattern string) *regexp.Regexp {
	if pattern == "" {
		pattern = ">"
	}
	parts := strings.Split(pattern, ".")
	for i, p := range parts {
		switch {
		case p == "*":
			parts[i] = `[^.]*`
		case p == ">" && i == len(parts)-1:
			parts[i] = `.*`
		default:
			parts[i] = regexp.QuoteMeta(p)
		}
	}
	return regexp.MustCompile(`^(?s:` + strings.Join(parts, `\.`) + `)$`)
}

// universe is every name of up to four parts, each a, b or c; patterns say nothing of c.
func universe() []string {
	all := []string{"a", "b", "c"}
	for from := 0; len(all) < 3+9+27+81; {
		to := len(all)
		for _, name := range all[from:to] {
			all = append(all, name+".a", name+".b", name+".c")
		}
		from = to
	}
	return all
}

func randomPattern(r *rand.Rand) string {
	parts := make([]string, 1+r.IntN(3))
	for i := range parts {
		parts[i] = []string{"a", "b", "*"}[r.IntN(3)]
	}
	if r.IntN(3) == 0 {
		parts[len(parts)-1] = ">"
	}
	return strings.Join(parts, ".")
}

func randomRules(r *rand.Rand) []Rule {
	rules := make([]Rule, r.IntN(6))
	for i := range rules {
		rules[i] = Rule{Deny: r.IntN(3) == 0, Actions: Action(1 + r.IntN(int(Any))), Sender: randomPattern(r), Name: randomPattern(r)}
		if r.IntN(4) == 0 {
			rules[i].Name = ""
		}
	}
	return rules
}

// S8: 100,000 cases, none of which may differ.
func TestMayAgainstOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	names := universe()
	permitted := 0
	is := oracle{globs: globs{}}
	for range 5_000 {
		rules := randomRules(r)
		rights, err := NewRights(rules...)
		require.NoError(t, err)
		is.rules = rules
		for range 20 {
			a := Action(1 << r.IntN(actions))
			sender, name := names[r.IntN(len(names)/(1+3*r.IntN(2)))], names[r.IntN(len(names)/(1+3*r.IntN(2)))]
			want := is.may(a, sender, name)
			if got := rights.May(a, sender, name); got != want {
				t.Fatalf("%+v: May(%d, %q, %q) = %v", rules, a, sender, name, got)
			}
			if got := rights.MayMatch(a, sender, name); got != want {
				t.Fatalf("%+v: MayMatch(%d, %q, %q) = %v", rules, a, sender, name, got)
			}
			if want {
				permitted++
			}
		}
	}
	if permitted < 10_000 || permitted > 90_000 {
		t.Errorf("%d of 100,000 cases were permitted: the cases are lopsided", permitted)
	}
}

// A subscription that may see something is never refused.
func TestMayMatchIsNoStricter(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	names := universe()[:12]
	refused := 0
	for range 2_000 {
		rules := randomRules(r)
		rights, err := NewRights(rules...)
		require.NoError(t, err)
		sender, event := randomPattern(r), randomPattern(r)
		if rights.MayMatch(Listen, sender, event) {
			continue
		}
		refused++
		for _, s := range names {
			for _, e := range names {
				if sig.Match(sender, s) && sig.Match(event, e) && rights.May(Listen, s, e) {
					t.Fatalf("%+v: refused to match %q of %q, but may listen to %q of %q", rules, event, sender, e, s)
				}
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d subscriptions were refused", refused)
	}
}

func TestOverlapAndCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	names, g := universe(), globs{}
	for range 2_000 {
		p, q := randomPattern(r), randomPattern(r)
		both, all := false, true
		for _, name := range names {
			mp, mq := g.match(p, name), g.match(q, name)
			both = both || mp && mq
			all = all && (!mq || mp)
		}
		if got := overlap(p, q); got != both {
			t.Fatalf("overlap(%q, %q) = %v", p, q, got)
		}
		if got := covers(p, q); got != all {
			t.Fatalf("covers(%q, %q) = %v", p, q, got)
		}
	}
}

func TestRightsOfNothingAndEverything(t *testing.T) {
	var everything *Rights
	require.True(t, everything.May(Add, "x", ""))
	require.True(t, everything.MayMatch(Listen, ">", ">"))
	require.NoError(t, everything.Check(Request, "x", "y"))
	nothing := &Rights{}
	require.False(t, nothing.May(Add, "x", ""))
	require.False(t, nothing.MayMatch(Listen, ">", ">"))
	for _, bad := range []Rule{{Sender: ""}, {Sender: "a.>.b"}, {Sender: "a", Name: ">.b"}} {
		_, err := NewRights(bad)
		require.ErrorIs(t, err, sig.ErrInvalid)
	}
}

func TestRefusalNamesWhatIsMissing(t *testing.T) {
	nothing := &Rights{}
	for want, err := range map[string]error{
		`not permitted to add sender "pump"`:                           nothing.Check(Add, "pump", ""),
		`not permitted to trigger event "tic" of sender "timer"`:       nothing.Check(Trigger, "timer", "tic"),
		`not permitted to listen to any event of any sender`:           Refusal(Listen, ">", ">"),
		`not permitted to listen to event "a.*" of sender "\x1b[2J\n"`: Refusal(Listen, "\x1b[2J\n", "a.*"),
		`not permitted to request method "stop" of sender "` + long64:  Refusal(Request, strings.Repeat("x", 300), "stop"),
	} {
		require.ErrorIs(t, err, sig.ErrRefused)
		require.Equal(t, sig.StatusRefused, sig.AsError(err).Status)
		require.EqualError(t, err, want)
	}
}

const long64 = `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"...`

func BenchmarkMay(b *testing.B) {
	rules := []Rule{{Deny: true, Actions: Request, Sender: "pump.>", Name: "stop"}}
	for range 10 {
		rules = append(rules, Rule{Actions: Any, Sender: "room.*.sensor", Name: "value"})
	}
	rights, err := NewRights(append(rules, Rule{Actions: Request, Sender: "timer.*"})...)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if !rights.May(Request, "timer.kitchen", "interval") {
			b.Fatal("refused")
		}
	}
}

// TestWithin shows that of two Rights only what both permit is left, in any depth.
func TestWithin(t *testing.T) {
	all, err := NewRights(Rule{Actions: Any, Sender: sig.Any})
	require.NoError(t, err)
	kitchen, err := NewRights(Rule{Actions: Listen | Request, Sender: "kitchen.>"})
	require.NoError(t, err)
	listen, err := NewRights(Rule{Actions: Listen, Sender: sig.Any}, Rule{Deny: true, Actions: Listen, Sender: "kitchen.safe"})
	require.NoError(t, err)
	var everything *Rights
	require.Same(t, kitchen, everything.Within(kitchen))
	require.Same(t, kitchen, kitchen.Within(nil))
	for _, r := range []*Rights{kitchen.Within(listen), listen.Within(kitchen), all.Within(kitchen).Within(listen), all.Within(kitchen.Within(listen))} {
		require.True(t, r.May(Listen, "kitchen.lamp", "on"))
		require.False(t, r.May(Listen, "garden.lamp", "on"), "not in the kitchen")
		require.False(t, r.May(Listen, "kitchen.safe", "on"), "denied by the other")
		require.False(t, r.May(Request, "kitchen.lamp", "on"), "the other is for listening")
		require.True(t, r.MayMatch(Listen, sig.Any, sig.Any))
		require.False(t, r.MayMatch(Request, sig.Any, sig.Any))
	}
	require.True(t, kitchen.May(Request, "kitchen.lamp", "on"), "it is as it was")
}
