package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// benchFlags are the flags of sig bench.
type benchFlags struct {
	client    clientFlags
	output    outputFlags
	length    time.Duration
	size      int
	inFlight  int
	listeners int
}

func (a *app) benchCommand() *cobra.Command {
	var f benchFlags
	all := []string{"requests", "events", "fanout"}
	cmd := &cobra.Command{
		Use:   "bench [requests] [events] [fanout]",
		Short: "Measure how fast a router is",
		Long: `Measure how fast a router is, with clients in this process:

  requests   one client asks another through the router
  events     one client triggers, another listens
  fanout     one client triggers, many listen

A number of requests or events is in flight all the time; the latency is that of each,
from its beginning to its end. Without --url (or SIG_URL) a router of its own is started,
in a process of its own.

With --json, or when standard output is no terminal, each result is one object; times are
in microseconds:

  {"workload":"events","per_second":412000,"count":824000,"seconds":2,"p50":140,"p90":171,"p99":240,"max":2100,"lost":0}`,
		Example: `  sig bench
  sig bench requests --in-flight 1 --for 5s
  sig bench fanout --listeners 1000 --json`,
		ValidArgs: all,
		Args: func(_ *cobra.Command, args []string) error {
			for _, arg := range args {
				if !slices.Contains(all, arg) {
					return fmt.Errorf("%q is no workload; there are %s", arg, strings.Join(all, ", "))
				}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = all
			}
			return a.bench(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&f.length, "for", 2*time.Second, "how long each workload is measured")
	flags.IntVar(&f.size, "size", 128, "bytes of data")
	flags.IntVar(&f.inFlight, "in-flight", 64, "requests or events in flight")
	flags.IntVar(&f.listeners, "listeners", 100, "listeners of fanout, each with a connection of its own")
	f.client.add(flags)
	f.output.add(flags)
	f.output.complete(cmd)
	return cmd
}

func (f *benchFlags) check() error {
	for _, c := range []struct {
		flag       string
		is, least  int
		what       string
		upperLimit int
	}{
		{"--size", f.size, minBenchSize, " bytes", 1 << 20},
		{"--in-flight", f.inFlight, 1, "", 10_000},
		{"--listeners", f.listeners, 1, "", 10_000},
	} {
		if c.is < c.least || c.is > c.upperLimit {
			return usagef("%s is %d; it can be %d to %d%s", c.flag, c.is, c.least, c.upperLimit, c.what)
		}
	}
	if f.length <= 0 {
		return usagef("--for is %v; it has to be more than nothing", f.length)
	}
	return nil
}

// A benchLine is what sig bench prints for each workload.
type benchLine struct {
	Workload  string  `json:"workload"`
	PerSecond float64 `json:"per_second"`
	Count     int64   `json:"count"`
	Seconds   float64 `json:"seconds"`
	P50       float64 `json:"p50"` // µs
	P90       float64 `json:"p90"`
	P99       float64 `json:"p99"`
	Max       float64 `json:"max"`
	Lost      int64   `json:"lost"`
}

func (a *app) bench(ctx context.Context, f benchFlags, workloads []string) error {
	if err := f.check(); err != nil {
		return err
	}
	p, err := a.printer(f.output)
	if err != nil {
		return err
	}
	if f.client.url == "" && a.getenv("SIG_URL") == "" {
		own, err := startRouter(ctx, f.client.timeout)
		if err != nil {
			return err
		}
		defer own.stop()
		f.client.url = own.url
	}
	bar, a := a.progress()
	defer bar.clear()
	var lines []benchLine
	for _, name := range workloads {
		line, err := a.benchOne(ctx, f, name, bar)
		if errors.Is(err, errInterrupted) && line.Count > 0 {
			a.note("%s, until interrupted: %.0f per second, p50 %.0f µs, p99 %.0f µs", name, line.PerSecond, line.P50, line.P99)
		}
		if err != nil {
			return err
		}
		if p.json {
			if err := p.object(line); err != nil {
				return err
			}
		}
		lines = append(lines, line)
	}
	if p.json {
		return nil
	}
	return p.benchTable(lines)
}

// benchOne measures one workload, and shows that it does where a person is watching.
func (a *app) benchOne(ctx context.Context, f benchFlags, name string, bar *progress) (benchLine, error) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { f.show(name, bar, done) })
	defer wg.Wait()
	defer close(done)
	b := &bencher{app: a, flags: f, begin: time.Now()}
	defer b.close()
	switch name {
	case "requests":
		return b.requests(ctx)
	case "events":
		return b.events(ctx, name, 1)
	}
	return b.events(ctx, name, f.listeners)
}

// show shows how much of the time has passed, until done is closed.
func (f *benchFlags) show(name string, bar *progress, done <-chan struct{}) {
	begin := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		const width = 20
		past := time.Since(begin)
		full := min(width, int(width*past/f.length))
		bar.show(fmt.Sprintf("%-8s  [%s%s]  %.1f of %v", name, strings.Repeat("=", full), strings.Repeat(" ", width-full), past.Seconds(), f.length))
		select {
		case <-tick.C:
		case <-done:
			bar.clear()
			return
		}
	}
}

func (p *printer) benchTable(lines []benchLine) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tper second\tp50 µs\tp90\tp99\tmax\tlost\t")
	for _, l := range lines {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%d\t\n", l.Workload, l.PerSecond, l.P50, l.P90, l.P99, l.Max, l.Lost)
	}
	_ = w.Flush() // a strings.Builder takes everything
	return p.write([]byte(b.String()))
}

// An ownRouter is a sig serve that this process started.
type ownRouter struct {
	cmd *exec.Cmd
	in  io.Closer
	url string
}

// startRouter starts this program again, as a router, and returns when that is ready. The
// router ends with this process: its standard input does.
func startRouter(ctx context.Context, patience time.Duration) (*ownRouter, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "serve", "--listen", "tcp://127.0.0.1:0", "--until-eof", "--quiet")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &ownRouter{cmd: cmd, in: in}
	ready := make(chan error, 1)
	var line readyLine
	go func() { ready <- json.NewDecoder(bufio.NewReader(out)).Decode(&line) }()
	select {
	case err = <-ready:
	case <-time.After(patience):
		err = fmt.Errorf("it was not ready within %v", patience)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err == nil && len(line.Listen) == 0 {
		err = errors.New("it listens nowhere")
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed, which is no news
		return nil, fmt.Errorf("cannot start a router: %w", err)
	}
	r.url = line.Listen[0]
	return r, nil
}

func (r *ownRouter) stop() {
	_ = r.in.Close()
	_ = r.cmd.Wait() // what it had to say it said on standard error
}
