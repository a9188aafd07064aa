package main

import (
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sigrouter/sigrouter/sig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The accounts balance. SIG_LONG is how many seeds are run for half a minute each; without
// it one is, for a few seconds.
func TestAccounts(t *testing.T) {
	c := Config{Seed: 1, For: 5 * time.Second, Clients: 2, Rate: 60}
	seeds := 1
	if long, err := strconv.Atoi(os.Getenv("SIG_LONG")); err == nil && long > 0 {
		c = Config{Seed: 1, For: 30 * time.Second, Clients: 3, Rate: 200}
		seeds = long
	}
	for range seeds {
		b, err := Run(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Log("\n" + b.String())
		if !b.Balanced() {
			t.Error("the accounts do not balance")
		}
		if b.Resumed == 0 || b.Delivered == 0 || b.Dropped == 0 || b.Answered == 0 {
			t.Error("something did not happen at all")
		}
		c.Seed++
	}
}

// The accounts find what is missing, what comes again, and notices out of turn.
func TestLedger(t *testing.T) {
	l := newLedger("l", sig.Any, "x").watch()
	event := func(name string, n, k uint64) { l.listen(sig.NewEvent("s", name, entry{N: n, K: k})) }
	event("x", 1, 1)
	event("x", 4, 2)
	event("x", 9, 5)
	event("x", 4, 2)
	got, missing, again := l.against(map[stream]uint64{{"s", "x"}: 5, {"s", "y"}: 4})
	if got != 3 || missing != 2 || again != 1 || l.missing != 2 || l.first(0) != 1 || l.last(0) != 9 {
		t.Errorf("got %d, missing %d, again %d, in between %d, from %d to %d", got, missing, again, l.missing, l.first(0), l.last(0))
	}
	if p := l.problems(); p != nil {
		t.Error(p)
	}
	event(sig.Connect, 0, 0)
	event(sig.Connect, 0, 0)
	event(sig.Disconnect, 0, 0)
	event("x", 10, 6)
	if p := l.problems(); len(p) != 2 {
		t.Error(p)
	}
}
