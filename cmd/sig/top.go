package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// topFlags are the flags of sig top.
type topFlags struct {
	client clientFlags
	output outputFlags

	interval    time.Duration
	count       int
	rows        int
	plain       bool
	view        string
	sort        string
	reverse     bool
	filter      string
	noReconnect bool
}

// The views of sig top.
const (
	viewSignals  = "signals"
	viewPeers    = "peers"
	viewRequests = "requests"
)

var topViews = []string{viewSignals, viewPeers, viewRequests}

func (a *app) topCommand() *cobra.Command {
	var f topFlags
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch what a router does: signals, peers and requests by rate",
		Long: `Watch what a router does, live: signals, peers and requests, the busiest first, until
you press q. Keys:

  1 2 3, Tab    signals, peers, requests        s, r    sort by the next column, turn round
  up, down      scroll, also Page Up and Down   /       show names with a part; Escape ends it
  p, Space      pause                           q       quit

Rates are over the last five seconds. While the router cannot be reached the last picture
stays, marked "stale".

With --plain there is a table each interval, for files and other programs. With --json, or
when standard output is no terminal, each interval is one object:

  {"time":"…","name":"router","uptime":12.5,"events_per_second":412,"dropped":0,…,
   "signals":[{"sender":"timer","event":"tic","rate":1,"count":60,"listeners":2}],
   "peers":[{"name":"sensor","carrier":"tcp","address":"…","in":1,"out":0,"queue":0,…}],
   "requests":[{"sender":"calc","method":"add","rate":2,"count":9,"failed":0,"p50":41,…}]}

Times of requests are in microseconds. docs/commands.md has all members; more may come.

The router answers to programs of its own machine, or to those that may request "#router".`,
		Example: `  sig top
  sig top --view peers --sort dropped
  sig top --plain --count 1 --rows 5
  sig top --json --interval 10s >> router.ndjson`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.top(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.DurationVar(&f.interval, "interval", time.Second, "pause between two pictures; at least 100ms")
	flags.IntVar(&f.count, "count", 0, "stop after this many pictures")
	flags.IntVar(&f.rows, "rows", 20, "most rows of a table with --plain or --json; 0 is all")
	flags.BoolVar(&f.plain, "plain", false, "a table each interval, below one another")
	flags.StringVar(&f.view, "view", viewSignals, "what to show: "+strings.Join(topViews, ", "))
	flags.StringVar(&f.sort, "sort", "rate", "`column` to sort by: rate, name, count and so on; --sort help lists them")
	flags.BoolVar(&f.reverse, "reverse", false, "turn the order round")
	flags.StringVar(&f.filter, "filter", "", "show what has this `text` in a name")
	flags.BoolVar(&f.noReconnect, "no-reconnect", false, "stop when the connection is lost")
	f.client.add(flags)
	f.output.add(flags)
	f.output.complete(cmd)
	completeFlag(cmd, "view", topViews...)
	completeFlagWith(cmd, "sort", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return topKeys(f.view), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

// topKeys are the keys that a view can be sorted by.
func topKeys(view string) []string {
	switch view {
	case viewSignals:
		return signalTable().keys()
	case viewPeers:
		return peerTable(time.Now).keys()
	case viewRequests:
		return methodTable().keys()
	}
	return nil
}

func (f *topFlags) check() error {
	switch {
	case f.interval < 100*time.Millisecond:
		return usagef("--interval is %v; it can be 100ms or more", f.interval)
	case f.count < 0:
		return usagef("--count is %d; it cannot be less than 0", f.count)
	case f.rows < 0:
		return usagef("--rows is %d; it cannot be less than 0", f.rows)
	case f.plain && f.output.json:
		return usagef("--plain and --json do not go together; give one of them")
	case !slices.Contains(topViews, f.view):
		return usagef("--view is %q; it can be %s", f.view, strings.Join(topViews, ", "))
	case f.sort == "name" && f.view != viewPeers:
		f.sort = "sender"
	case !slices.Contains(topKeys(f.view), f.sort):
		return usagef("--sort is %q; %s can be sorted by %s", f.sort, f.view, strings.Join(topKeys(f.view), ", "))
	}
	return nil
}

func (a *app) top(ctx context.Context, f topFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	p, err := a.printer(f.output)
	if err != nil {
		return err
	}
	in, live := a.in.(*os.File)
	live = live && p.tty && !p.json && !f.plain && term.IsTerminal(int(in.Fd())) && a.getenv("TERM") != "dumb"
	if live {
		return a.topLive(ctx, f, p, in)
	}
	if f.plain {
		p.json = false
	}
	c, err := a.dial(ctx, &f.client, f.noReconnect)
	if err != nil {
		return err
	}
	defer func() { _ = c.close() }() // there is nothing left to lose
	t := &topPrinter{printer: p, app: a, flags: f, c: c}
	return t.run(ctx)
}

// topEnds reports whether there is no point in asking a router again that has answered so.
func topEnds(err error) bool {
	return errors.Is(err, sig.ErrRefused) || errors.Is(err, sig.ErrNoSender) || errors.Is(err, sig.ErrNoMethod)
}

// topError says what such an answer means.
func topError(err error) error {
	if errors.Is(err, sig.ErrNoSender) || errors.Is(err, sig.ErrNoMethod) {
		return fmt.Errorf("this router does not tell of itself: %w", err)
	}
	return fmt.Errorf("cannot look into the router: %w", err)
}

// A topPrinter prints one picture after the other.
type topPrinter struct {
	*printer
	app   *app
	flags topFlags
	c     *connection
	model topModel
}

func (t *topPrinter) run(ctx context.Context) error {
	tick := time.NewTicker(t.flags.interval)
	defer tick.Stop()
	for n := 0; ; {
		ok, err := t.ask(ctx)
		if err != nil {
			return err
		}
		if ok {
			if err := t.picture(); err != nil {
				return err
			}
			if n++; n == t.flags.count {
				return nil
			}
		}
		select {
		case <-tick.C:
		case err := <-t.c.lost:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ask asks the router, and reports whether it has answered. What it says first is not shown:
// the values belong to signals that have to be known, and a router that nobody has looked
// into knows no rates yet.
func (t *topPrinter) ask(ctx context.Context) (ok bool, err error) {
	for {
		try, cancel := context.WithTimeout(ctx, t.flags.client.timeout)
		a := askTop(try, t.c.bus, t.model.cursor, t.values())
		cancel()
		switch {
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case a.err != nil && topEnds(a.err):
			return false, topError(a.err)
		case a.err != nil && t.flags.noReconnect:
			return false, t.c.explain(ctx, a.err, "top")
		case a.err != nil:
			t.app.note("sig: no picture: %v", a.err)
			return false, nil
		}
		fresh := t.model.at.IsZero()
		t.model.take(a)
		if !fresh {
			return true, nil
		}
		if err := pause(ctx, max(0, topWarmUp-t.model.status.Uptime)); err != nil {
			return false, err
		}
	}
}

// topWarmUp is how old an inspection is when it knows rates.
const topWarmUp = 2100 * time.Millisecond

// values are those to ask for: of the signals that will be shown, as far as one can tell.
func (t *topPrinter) values() [][2]uint64 {
	if t.flags.view != viewSignals {
		return nil
	}
	rows := signalTable().sorted(t.model.signalRows(), t.flags.sort, t.flags.reverse, t.flags.filter)
	return wantedValues(topRows(rows, t.flags.rows))
}

// wantedValues names the values of signals that may have others than are known.
func wantedValues(rows []*router.SignalStatus) (wanted [][2]uint64) {
	for _, s := range rows[:min(len(rows), 500)] {
		n := uint64(0)
		if s.Last != nil {
			n = s.Last.N
		}
		if n == 0 || n < s.Count {
			wanted = append(wanted, [2]uint64{s.ID, n})
		}
	}
	return wanted
}

// topRows are the first n rows; all for 0.
func topRows[T any](rows []*T, n int) []*T {
	if n == 0 {
		return rows
	}
	return rows[:min(len(rows), n)]
}
