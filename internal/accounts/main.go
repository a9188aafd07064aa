// Command accounts runs a router with many clients over carriers whose connections break,
// stall and lose what is on its way, stops the router under load, and keeps accounts: of
// everything a sender was told has been accepted it has to be known where it went.
//
//	go run ./internal/accounts -seed 7 -for 30s
//
// It prints one page, and exits with 1 when the accounts do not balance. The seed
// chooses limits, policies, faults and what the clients do; not when exactly, for the
// carriers are real.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	var c Config
	flag.Uint64Var(&c.Seed, "seed", 1, "chooses limits, policies and faults")
	flag.DurationVar(&c.For, "for", 30*time.Second, "how long events and faults go on")
	flag.IntVar(&c.Clients, "clients", 3, "clients of each carrier")
	flag.IntVar(&c.Rate, "rate", 300, "events a second of each client, about")
	flag.BoolVar(&c.Verbose, "v", false, "log what happens on stderr")
	flag.Parse()
	b, err := Run(c)
	if err != nil {
		fmt.Fprintln(os.Stderr, "accounts:", err)
		os.Exit(2)
	}
	fmt.Print(b)
	if !b.Balanced() {
		os.Exit(1)
	}
}
