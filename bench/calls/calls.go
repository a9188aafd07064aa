// Package calls compares calls of one service over TCP: with the client that "sig gen"
// makes, written by hand on requests, and with net/rpc and its JSON codec. The service is the
// student system of examples/student; caller and service share a process.
package calls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Subject is a way to call the service.
type Subject struct {
	Name string
	// Start makes a connection. call asks for one student and may be called by many
	// goroutines; stop ends it all.
	Start func(ctx context.Context) (call func() error, stop func() error, err error)
}

// Options say how long to measure.
type Options struct {
	Rounds   int
	Time     time.Duration // of one measurement
	Progress func(format string, a ...any)
}

// Run measures all subjects in turn, round after round, and writes a table of medians. The
// ratios are to the first subject, of the same round.
func Run(w io.Writer, subjects []Subject, o Options) error {
	columns := []int{1, 64} // calls in flight
	rates := make([][][]float64, len(subjects))
	for i := range rates {
		rates[i] = make([][]float64, len(columns))
	}
	for round := range o.Rounds {
		for i, s := range subjects {
			o.Progress("calls: round %d, %s", round+1, s.Name)
			for j, inFlight := range columns {
				rate, err := measure(s, inFlight, o.Time)
				if err != nil {
					return fmt.Errorf("%s: %w", s.Name, err)
				}
				rates[i][j] = append(rates[i][j], rate)
			}
		}
	}
	fmt.Fprintf(w, "\n### Calls of a service over TCP, in one process\n\n| | 1 in flight, /s | 64 in flight, /s |\n| --- | --- | --- |\n")
	for i, s := range subjects {
		fmt.Fprintf(w, "| %s |", s.Name)
		for j := range columns {
			fmt.Fprintf(w, " %.0f (%.2f) |", median(rates[i][j]), median(ratios(rates[i][j], rates[0][j])))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "\nIn brackets: times as many as the first row makes.")
	return nil
}

func measure(s Subject, inFlight int, length time.Duration) (rate float64, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	call, stop, err := s.Start(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if _, err := during(call, inFlight, length/4); err != nil { // warm
		return 0, err
	}
	return during(call, inFlight, length)
}

// during calls for a length of time and returns how many calls a second were made.
func during(call func() error, inFlight int, length time.Duration) (float64, error) {
	var count atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, inFlight)
	start := time.Now()
	for i := range inFlight {
		wg.Go(func() {
			for time.Since(start) < length && errs[i] == nil {
				errs[i] = call()
				count.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(count.Load()) / time.Since(start).Seconds(), errors.Join(errs...)
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

func ratios(a, b []float64) []float64 {
	r := make([]float64, len(a))
	for i := range a {
		r[i] = a[i] / b[i]
	}
	return r
}
