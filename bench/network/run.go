//go:build unix

package network

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Options say how long to measure.
type Options struct {
	Rounds    int
	Warm, Run time.Duration
	Only      *regexp.Regexp // peers with such names; nil: all
	Rows      *regexp.Regexp // works with such titles; nil: all
	Progress  func(format string, a ...any)
}

// A Table compares peers in the same work.
type Table struct {
	Title string
	Peers []Peer
	Works []Work
	Here  bool // router, clients and load in one process
}

// A Work is one run of a peer, and the rows that come of it.
type Work struct {
	measure func(p Peer, o Options, here bool) (Result, error)
	rows    []row
}

type row struct {
	title  string
	figure func(r Result) float64
	format string
}

// Requests asks the router, or, routed, another client of it, with so many in flight.
func Requests(routed bool, inFlight int) Work {
	title := "request"
	if routed {
		title = "routed request"
	}
	title = fmt.Sprintf("%s, %d in flight, ", title, inFlight)
	r := row{title + "/s", Result.Rate, "%.0f"}
	if inFlight == 1 {
		r = row{title + "p50 µs", func(r Result) float64 { return float64(r.P50) / 1e3 }, "%.1f"}
	}
	j := job{Role: "calls", Routed: routed, InFlight: inFlight}
	return Work{func(p Peer, o Options, here bool) (Result, error) { return measure(p, o, j, here) }, []row{r}}
}

// Events sends from one client to so many others.
func Events(subscribers int) Work {
	title := fmt.Sprintf("events 1 to %d, ", subscribers)
	j := job{Role: "events", N: subscribers}
	return Work{
		func(p Peer, o Options, here bool) (Result, error) { return measure(p, o, j, here) },
		[]row{
			{title + "/s", Result.Rate, "%.0f"},
			{title + "router's processor time of each, ns", func(r Result) float64 { return r.Router / float64(r.Ops) * 1e9 }, "%.0f"},
		},
	}
}

// Idle measures the memory that a connection costs the router while nothing happens, with
// so many of them.
func Idle(connections int) Work {
	return Work{
		func(p Peer, o Options, _ bool) (Result, error) { return idle(p, connections) },
		[]row{{
			fmt.Sprintf("memory of an idle connection, %d of them, KiB", connections),
			func(r Result) float64 { return r.Memory / 1024 }, "%.1f",
		}},
	}
}

// Run measures all peers of a table in turn, round after round, and writes their medians.
// Behind the figures of others stands how many times as much each of our own is.
func (t Table) Run(w io.Writer, o Options) error {
	raiseFiles()
	t = t.some(o)
	if len(t.Peers) == 0 || len(t.Works) == 0 {
		o.Progress("nothing of this table is asked for: %s", t.Title)
		return nil
	}
	figures := map[[2]string][]float64{}
	var lost []string
	for round := range o.Rounds {
		for _, work := range t.Works {
			for _, p := range t.Peers {
				what := work.rows[0].title
				o.Progress("round %d of %d: %s: %s", round+1, o.Rounds, what, p.Name)
				r, err := work.measure(p, o, t.Here)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", p.Name, what, err)
				}
				for _, row := range work.rows {
					k := [2]string{p.Name, row.title}
					figures[k] = append(figures[k], row.figure(r))
				}
				if r.Lost > 0 {
					lost = append(lost, fmt.Sprintf("%s lost %d events (%s)", p.Name, r.Lost, what))
				}
			}
		}
	}
	return t.write(w, figures, lost)
}

// some returns the part of the table that the options ask for.
func (t Table) some(o Options) Table {
	if o.Only != nil {
		t.Peers = slices.DeleteFunc(slices.Clone(t.Peers), func(p Peer) bool { return !o.Only.MatchString(p.Name) })
	}
	if o.Rows != nil {
		t.Works = slices.DeleteFunc(slices.Clone(t.Works), func(w Work) bool { return !o.Rows.MatchString(w.rows[0].title) })
	}
	return t
}

func (t Table) write(w io.Writer, figures map[[2]string][]float64, lost []string) error {
	text := "\n" + t.Title + "\n\n| |"
	for _, p := range t.Peers {
		text += " " + p.Name + " |"
	}
	text += "\n| --- |"
	for range t.Peers {
		text += " ---: |"
	}
	for _, work := range t.Works {
		for _, row := range work.rows {
			if t.Here && strings.Contains(row.title, "processor time") {
				continue // the router has no process of its own
			}
			text += "\n| " + row.title + " |" + t.cells(row, figures)
		}
	}
	text += "\n"
	for _, l := range lost {
		text += "\n" + l + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

func (t Table) cells(r row, figures map[[2]string][]float64) (text string) {
	var own []float64
	for _, p := range t.Peers {
		v := median(figures[[2]string{p.Name, r.title}])
		text += fmt.Sprintf(" "+r.format, v)
		if p.Own {
			own = append(own, v)
		} else {
			text += ratios(own, v)
		}
		text += " |"
	}
	return text
}

// ratios returns "(4.20 / 5.10)".
func ratios(own []float64, v float64) string {
	text := ""
	for _, o := range own {
		text += fmt.Sprintf(" / %.2f", o/v)
	}
	if text == "" {
		return ""
	}
	return " (" + text[len(" / "):] + ")"
}

// measure is one run: start the processes, let the last of them load the others, end all.
func measure(p Peer, o Options, j job, here bool) (Result, error) {
	j.Peer, j.Timing = p.Name, timing{o.Warm, o.Run}
	if here {
		return j.here(p)
	}
	dir, err := os.MkdirTemp("", "sig-bench-")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(dir)
	addr, release, err := p.addr(dir)
	if err != nil {
		return Result{}, err
	}
	defer release()
	j.Addr, j.Counters = addr, filepath.Join(dir, "counters")

	router, err := startReady(job{Role: "router", Peer: p.Name, Addr: addr})
	if err != nil {
		return Result{}, fmt.Errorf("router: %w", err)
	}
	defer router.stop()
	if other := j.receiver(); other.Role != "" {
		c, err := startReady(other)
		if err != nil {
			return Result{}, fmt.Errorf("%s: %w", other.Role, err)
		}
		defer c.stop()
	}
	load, err := start(j)
	if err != nil {
		return Result{}, err
	}
	defer load.stop()
	return collect(load, router)
}

// receiver is the job of the process that answers or listens while this one loads, if
// there is any.
func (j job) receiver() job {
	switch {
	case j.Role == "events":
		j.Role = "subscribers"
	case j.Routed:
		j.Role = "responder"
	default:
		j.Role = ""
	}
	return j
}

func startReady(j job) (*child, error) {
	c, err := start(j)
	if err != nil {
		return nil, err
	}
	if _, err := c.await("ready", 30*time.Second); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

func collect(load, router *child) (Result, error) {
	const patience = time.Minute
	if _, err := load.await("started", patience); err != nil {
		return Result{}, err
	}
	before := processorSeconds(router.cmd.Process.Pid)
	text, err := load.await("result", patience)
	if err != nil {
		return Result{}, err
	}
	var r Result
	err = json.Unmarshal([]byte(text), &r)
	r.Router = processorSeconds(router.cmd.Process.Pid) - before
	return r, err
}

// idle measures the router's memory with connections that do nothing.
func idle(p Peer, n int) (Result, error) {
	dir, err := os.MkdirTemp("", "sig-bench-")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(dir)
	addr, release, err := p.addr(dir)
	if err != nil {
		return Result{}, err
	}
	defer release()
	router, err := startReady(job{Role: "router", Peer: p.Name, Addr: addr, N: n})
	if err != nil {
		return Result{}, err
	}
	defer router.stop()
	clients, err := start(job{Role: "idle", Peer: p.Name, Addr: addr, N: n})
	if err != nil {
		return Result{}, err
	}
	defer clients.stop()
	if _, err := clients.await("one", 30*time.Second); err != nil {
		return Result{}, err
	}
	before := residentBytes(router.cmd.Process.Pid)
	if _, err := io.WriteString(clients.in, "go on\n"); err != nil {
		return Result{}, err
	}
	if _, err := clients.await("ready", 2*time.Minute); err != nil {
		return Result{}, err
	}
	time.Sleep(time.Second) // let the router finish what connecting left to do
	after := residentBytes(router.cmd.Process.Pid)
	return Result{Memory: (after - before) / float64(n-1)}, nil
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
