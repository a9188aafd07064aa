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
		only   = flag.String("only", "", "regular expression: only libraries and routers with such names")
		rows   = flag.String("rows", "", "regular expression: over connections only rows with such titles")
		part   = flag.String("part", "inproc,calls,network,memory,carriers", "what to measure")
		idle   = flag.Int("idle", 2000, "idle connections to measure the memory of; 0: none")
	)
	flag.Parse()
	progress := func(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }
	fmt.Printf("%s %s/%s, %d processors, medians of %d rounds\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *rounds)
	some, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	titles, err := regexp.Compile(*rows)
	if err != nil {
		return err
	}
	if strings.Contains(*part, "inproc") {
		o := inproc.Options{Rounds: *rounds, Time: *length, Only: some, Progress: progress}
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
	o := networkOptions(*rounds, 20**length, some, titles, progress)
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
