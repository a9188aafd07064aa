package router

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// somePatterns are names and patterns of up to three parts, in which dots may stand in
// odd places.
func somePatterns() []string {
	parts := []string{"a", "b", "*", ">", ""}
	var all []string
	for _, x := range parts {
		all = append(all, x)
		for _, y := range parts {
			all = append(all, x+"."+y)
			for _, z := range parts {
				all = append(all, x+"."+y+"."+z)
			}
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return sig.CheckPattern("", s) != nil })
}

// Both tries agree with sig.Match and sig.MatchBelow, and are empty when everything was
// taken out.
func TestTries(t *testing.T) {
	var n names[string]
	var p patterns[[2]string]
	all := somePatterns()
	for _, s := range all {
		if !sig.IsPattern(s) {
			*n.at(s, true) = s
		}
		for _, below := range []bool{false, true} {
			*p.at(s, below, true) = [2]string{s, fmt.Sprint(below)}
		}
	}
	match := map[bool]func(pattern, name string) bool{false: sig.Match, true: sig.MatchBelow}
	for _, pattern := range all {
		for below, match := range match {
			var got, want []string
			n.visit(pattern, below, func(s *string) { got = append(got, *s) })
			for _, s := range all {
				if !sig.IsPattern(s) && match(pattern, s) {
					want = append(want, s)
				}
			}
			require.ElementsMatch(t, want, got, "pattern %q below %v", pattern, below)
		}
	}
	for _, name := range all {
		if sig.IsPattern(name) {
			continue
		}
		var got, want [][2]string
		p.match(name, func(v *[2]string) { got = append(got, *v) })
		for _, s := range all {
			for below, match := range match {
				if match(s, name) {
					want = append(want, [2]string{s, fmt.Sprint(below)})
				}
			}
		}
		require.ElementsMatch(t, want, got, "name %q", name)
	}
	var listed int
	p.each(func(pattern string, below bool, v *[2]string) {
		listed++
		require.Equal(t, [2]string{pattern, fmt.Sprint(below)}, *v)
	})
	require.Equal(t, 2*len(all), listed)

	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, s := range all {
		n.remove(s)
		n.remove(s)
		require.Nil(t, n.at(s, false))
		p.remove(s, true)
		require.Nil(t, p.at(s, true, false))
		p.remove(s, false)
		p.remove(s, false)
		require.Nil(t, p.at(s, false, false))
	}
	require.Empty(t, n.root.kids)
	require.True(t, p.empty())
}

// The table agrees with a map, and readers find what is there all the time.
func TestTable(t *testing.T) {
	table := newTable()
	stays := &sender{name: "stays"}
	table.put(stays.name, stays)
	var bad atomic.Int64
	stop := busy(1, func() {
		if table.get("stays") != stays || table.get("never") != nil {
			bad.Add(1)
		}
	})
	want := map[string]*sender{"stays": stays}
	for i := range 20_000 {
		name := fmt.Sprint("s", rand.IntN(1000))
		if i > 10_000 {
			name = fmt.Sprint("s", rand.IntN(100)) // most go
		}
		require.Equal(t, want[name], table.get(name))
		switch {
		case want[name] != nil:
			table.remove(name)
			delete(want, name)
		default:
			s := &sender{name: name}
			table.put(name, s)
			want[name] = s
		}
	}
	stop()
	require.Zero(t, bad.Load())
	var got []string
	for s := range table.all() {
		require.Same(t, want[s.name], s)
		got = append(got, s.name)
	}
	require.Len(t, got, len(want))
	for name := range want {
		table.remove(name)
	}
	require.Zero(t, table.n)
	require.Len(t, *table.cells.Load(), smallTable)
}

// Whatever comes and goes, nothing of it is kept.
func TestNothingIsKept(t *testing.T) {
	r, _ := newRouter(t, Options{})
	stay := addSignal(t, r, "stays", "a.b")
	nothing := func(sig.Event) {}
	for range 200 {
		var subs []sig.Subscription
		for _, n := range [][2]string{{"x.a", "e"}, {"x.a", "unknown"}, {"x.*", "e"}, {"x", sig.Any}, {sig.Any, "e"}, {sig.Any, "x"}, {sig.Any, sig.Any}, {"x.a", sig.Subscribe}} {
			for _, opts := range [][]sig.ListenOption{nil, {sig.Below()}, {sig.Waitable()}, {sig.Queue(2, sig.Block)}, {sig.Queue(2, sig.Latest)}} {
				subs = append(subs, addListener(t, r, n[0], n[1], nothing, opts...))
			}
		}
		s := addSender(t, r, "x.a", sig.Events("e", "x.a"), sig.Retain("k"))
		trigger(t, signalOf(t, s, "e"), 1)
		trigger(t, stay, 1)
		rand.Shuffle(len(subs), func(i, j int) { subs[i], subs[j] = subs[j], subs[i] })
		for n, sub := range subs {
			if n == len(subs)/2 {
				require.NoError(t, s.Remove())
			}
			sub.Remove()
		}
		require.True(t, r.subs.patterns.empty())
		require.Empty(t, r.byName.root.kids["x"])
		require.Empty(t, r.events.root.kids["e"])
		require.LessOrEqual(t, len(r.built.all), 1)
		require.Zero(t, r.watchers)
		require.Zero(t, r.keepers)
		require.Empty(t, r.notices)
		require.Empty(t, r.rings)
		require.Empty(t, r.queues)
	}
}
