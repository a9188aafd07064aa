//go:build unix

package network

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Options say how long to measure.
type Options struct {
	Rounds      int
	Warm, Run   time.Duration
	Subscribers int // of the fan-out
	Idle        int // connections; 0 leaves the row out
	Progress    func(format string, a ...any)
}

// A workload is one column of the table.
type workload struct {
	title   string
	measure func(p Peer, o Options) (Result, error)
	figure  func(r Result) float64
	format  string
}

func workloads(o Options) []workload {
	requests := func(routed bool, inFlight int) func(Peer, Options) (Result, error) {
		return func(p Peer, o Options) (Result, error) {
			return measure(p, o, job{Role: "calls", Routed: routed, InFlight: inFlight})
		}
	}
	fanOut := func(n int) func(Peer, Options) (Result, error) {
		return func(p Peer, o Options) (Result, error) { return measure(p, o, job{Role: "events", N: n}) }
	}
	p50 := func(r Result) float64 { return float64(r.P50) / 1e3 }
	w := []workload{
		{"request, 1 in flight, p50 µs", requests(false, 1), p50, "%.0f"},
		{"request, 64 in flight, /s", requests(false, 64), Result.Rate, "%.0f"},
		{"routed, 64 in flight, /s", requests(true, 64), Result.Rate, "%.0f"},
		{"events 1 to 1, /s", fanOut(1), Result.Rate, "%.0f"},
		{fmt.Sprintf("events 1 to %d, /s", o.Subscribers), fanOut(o.Subscribers), Result.Rate, "%.0f"},
	}
	if o.Idle > 0 {
		w = append(w, workload{
			"memory of an idle connection, KiB", idle,
			func(r Result) float64 { return r.Memory / 1024 }, "%.1f",
		})
	}
	return w
}

// Run measures all peers in turn, round after round, and writes a table of medians. Behind
// the figures of others stands how many times as much each of our own is.
func Run(w io.Writer, peers []Peer, o Options) error {
	raiseFiles()
	works := workloads(o)
	figures := map[[2]string][]float64{}
	var lost []string
	for round := range o.Rounds {
		for _, work := range works {
			for _, p := range peers {
				o.Progress("round %d of %d: %s: %s", round+1, o.Rounds, work.title, p.Name)
				r, err := work.measure(p, o)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", p.Name, work.title, err)
				}
				k := [2]string{p.Name, work.title}
				figures[k] = append(figures[k], work.figure(r))
				if r.Lost > 0 {
					lost = append(lost, fmt.Sprintf("%s lost %d events (%s)", p.Name, r.Lost, work.title))
				}
			}
		}
	}
	return write(w, peers, works, figures, lost)
}

func write(w io.Writer, peers []Peer, works []workload, figures map[[2]string][]float64, lost []string) error {
	text := "\nOver TCP, router in a process of its own, payload 128 bytes of JSON. In brackets: each of our own, times this.\n\n| |"
	for _, p := range peers {
		text += " " + p.Name + " |"
	}
	text += "\n| --- |"
	for range peers {
		text += " ---: |"
	}
	for _, work := range works {
		text += "\n| " + work.title + " |"
		var own []float64
		for _, p := range peers {
			v := median(figures[[2]string{p.Name, work.title}])
			text += fmt.Sprintf(" "+work.format, v)
			if p.Own {
				own = append(own, v)
			} else {
				text += ratios(own, v)
			}
			text += " |"
		}
	}
	text += "\n"
	for _, l := range lost {
		text += "\n" + l + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
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
func measure(p Peer, o Options, j job) (Result, error) {
	j.Peer, j.Timing = p.Name, timing{o.Warm, o.Run}
	addr, err := freeAddr()
	if err != nil {
		return Result{}, err
	}
	j.Addr = addr
	dir, err := os.MkdirTemp("", "sig-bench-")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(dir)
	j.Counters = filepath.Join(dir, "counters")

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
func idle(p Peer, o Options) (Result, error) {
	addr, err := freeAddr()
	if err != nil {
		return Result{}, err
	}
	router, err := startReady(job{Role: "router", Peer: p.Name, Addr: addr, N: o.Idle})
	if err != nil {
		return Result{}, err
	}
	defer router.stop()
	clients, err := start(job{Role: "idle", Peer: p.Name, Addr: addr, N: o.Idle})
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
	return Result{Memory: (after - before) / float64(o.Idle-1)}, nil
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
