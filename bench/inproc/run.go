package inproc

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"
)

// Options say how long to measure, and what.
type Options struct {
	Rounds   int                           // medians are of so many
	Time     time.Duration                 // of one measurement
	Only     *regexp.Regexp                // names of adapters; nil: all
	Progress func(format string, a ...any) // nil: none
}

// A group is one table: adapters beside each other, one baseline.
type group struct {
	title    string
	baseline Adapter
	adapters []Adapter
	columns  []column
}

type column struct {
	title string
	work  Work
	wall  bool // wall time counts: the work is on several goroutines
	base  Work // what the ratio is to, where it is not the baseline's same work
	self  bool // and that of the adapter itself, not the baseline's
}

func groups(own Own) []group {
	direct, channel := Baselines()
	var now, later []Adapter
	for _, a := range slices.Concat(own.Now, own.Queued, Peers()) {
		if a.Queued {
			later = append(later, a)
		} else {
			now = append(now, a)
		}
	}
	one := Trigger(1, 1, false)
	return []group{
		{
			"Trigger: every listener has run when it returns. Processor time, times `direct`", direct, now,
			[]column{
				{title: "1 listener", work: one},
				{title: "10", work: Trigger(10, 1, false)},
				{title: "100", work: Trigger(100, 1, false)},
				{title: "10, among 64 other events", work: Trigger(10, 1, true), base: Trigger(10, 1, false)},
			},
		},
		{
			"Two goroutines on two processors: time of one trigger to 1 listener, times that of one goroutine", direct, now,
			[]column{{title: "2 goroutines", work: Trigger(1, 2, false), wall: true, base: one, self: true}},
		},
		{
			"Add a listener and remove it, 10 others there. Times `direct`, which copies its list", direct, now,
			[]column{{title: "add and remove", work: Churn(10)}},
		},
		{
			"Add a listener. Times the same with 10 there", direct, own.Now[:1],
			[]column{{title: "10,000 there", work: Add(10_000), base: Add(10), self: true}},
		},
		{
			"Request and response. Times a direct call", direct, own.Requests,
			[]column{{title: "request", work: Request}},
		},
		{
			"Queued listeners: time until the last of them has run an event, times `channel`", channel, later,
			[]column{
				{title: "1 listener", work: Deliver(1), wall: true},
				{title: "10", work: Deliver(10), wall: true},
				{title: "100", work: Deliver(100), wall: true},
				{title: "latency", work: Ping, wall: true},
			},
		},
	}
}

// Own are the adapters of this project's own router.
type Own struct {
	Now      []Adapter // the first is the headline
	Queued   []Adapter // the first is the headline
	Requests []Adapter
}

// Run measures everything, round after round, and writes tables of medians.
func Run(w io.Writer, own Own, o Options) error {
	groups := groups(own)
	results := make([]result, len(groups))
	for round := range o.Rounds {
		for i, g := range groups {
			if o.Progress != nil {
				o.Progress("round %d of %d: %s", round+1, o.Rounds, g.title)
			}
			results[i].measure(g, o)
		}
	}
	for i, g := range groups {
		if err := results[i].write(w, g); err != nil {
			return err
		}
	}
	return nil
}

// A cell names one figure of a table.
type cell struct{ adapter, column string }

// A result collects the figures of a group, one a round.
type result struct {
	ratios, allocs, baseline map[cell][]float64
}

// measure adds one round. The baseline is measured again beside each adapter, so that a
// machine that changes its pace changes both.
func (r *result) measure(g group, o Options) {
	if r.ratios == nil {
		*r = result{map[cell][]float64{}, map[cell][]float64{}, map[cell][]float64{}}
	}
	for _, c := range g.columns {
		for _, a := range g.adapters {
			if o.Only != nil && !o.Only.MatchString(a.Name) {
				continue
			}
			to, base := g.baseline, c.work
			if c.base != nil {
				base = c.base
			}
			if c.self {
				to = a
			}
			unit, _ := base(to, o.Time)
			cost, ok := c.work(a, o.Time)
			if !ok {
				continue
			}
			k := cell{a.Name, c.title}
			r.ratios[k] = append(r.ratios[k], c.time(cost)/c.time(unit))
			r.allocs[k] = append(r.allocs[k], cost.Allocs)
			r.baseline[cell{"", c.title}] = append(r.baseline[cell{"", c.title}], c.time(unit))
		}
	}
}

func (c column) time(cost Cost) float64 {
	if c.wall {
		return cost.Wall
	}
	return cost.CPU
}

// write writes the group as a Markdown table: ratios to the baseline, and behind them in
// brackets how many times the first adapter's.
func (r *result) write(w io.Writer, g group) error {
	head, rule := "| |", "| --- |"
	for _, c := range g.columns {
		head += " " + c.title + " |"
		rule += " ---: |"
	}
	_, err := fmt.Fprintf(w, "\n%s.\n\n%s allocations |\n%s --- |\n", g.title, head, rule)
	if err == nil && !g.columns[0].self {
		_, err = fmt.Fprintln(w, r.baselineRow(g))
	}
	for _, a := range g.adapters {
		if err == nil && len(r.ratios[cell{a.Name, g.columns[0].title}]) > 0 {
			_, err = fmt.Fprintln(w, r.row(g, a))
		}
	}
	return err
}

func (r *result) baselineRow(g group) string {
	row := "| " + g.baseline.Name + " |"
	for _, c := range g.columns {
		row += fmt.Sprintf(" 1 = %.3g ns |", median(r.baseline[cell{"", c.title}]))
	}
	return row + " |"
}

func (r *result) row(g group, a Adapter) string {
	row, allocs := "| "+a.Name+" |", ""
	for i, c := range g.columns {
		k := cell{a.Name, c.title}
		if len(r.ratios[k]) == 0 {
			row += " |"
			continue
		}
		ratio := median(r.ratios[k])
		row += fmt.Sprintf(" %.2f", ratio)
		if own := median(r.ratios[cell{g.adapters[0].Name, c.title}]); a.Module != "" && own > 0 {
			row += fmt.Sprintf(" (%.3g)", ratio/own)
		}
		row += " |"
		if i > 0 {
			allocs += " / "
		}
		allocs += fmt.Sprintf("%.0f", median(r.allocs[k]))
	}
	return row + " " + allocs + " |"
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
