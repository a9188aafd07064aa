// Bench compares Sig with other libraries and routers: all of them in one run, one after
// the other, as ratios. Absolute times differ from machine to machine, ratios less.
//
//	go run .                          # everything, medians of five rounds
//	go run . -part inproc -rounds 1   # a quick look
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter/bench/calls"
	"github.com/sigrouter/sigrouter/bench/inproc"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	if networkRole() {
		return nil
	}
	var (
		rounds = flag.Int("rounds", 5, "medians are of so many rounds")
		length = flag.Duration("time", 50*time.Millisecond, "length of one measurement in process; over TCP twenty times that")
		only   = flag.String("only", "", "regular expression: only libraries with such names (in process)")
		part   = flag.String("part", "inproc,calls,network,memory,carriers", "what to measure")
		idle   = flag.Int("idle", 2000, "idle connections to measure the memory of; 0: none")
	)
	flag.Parse()
	progress := func(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }
	fmt.Printf("%s %s/%s, %d processors, medians of %d rounds\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *rounds)
	if strings.Contains(*part, "inproc") {
		re, err := regexp.Compile(*only)
		if err != nil {
			return err
		}
		o := inproc.Options{Rounds: *rounds, Time: *length, Only: re, Progress: progress}
		if err := inproc.Run(os.Stdout, inproc.OwnRouter(), o); err != nil {
			return err
		}
	}
	if strings.Contains(*part, "calls") {
		o := calls.Options{Rounds: *rounds, Time: 10 * *length, Progress: progress}
		if err := calls.Run(os.Stdout, calls.Subjects(), o); err != nil {
			return err
		}
	}
	o := networkOptions(*rounds, 20**length, progress)
	if strings.Contains(*part, "network") {
		if err := runNetwork(o, *idle); err != nil {
			return err
		}
	}
	if strings.Contains(*part, "memory") {
		if err := runMemory(o); err != nil {
			return err
		}
	}
	if strings.Contains(*part, "carriers") {
		return runCarriers(o, *idle)
	}
	return nil
}
