//go:build unix

package network

import (
	"fmt"
	"io"
	"os"
	"time"
)

// Storm has so many clients of a router, each with a sender and a listener, come back after
// the router was killed and has been away for a time. It writes how long the last took,
// from the moment the new router was ready.
func Storm(w io.Writer, peers []Peer, clients int, away time.Duration, o Options) error {
	if o.Rows != nil && !o.Rows.MatchString("clients come back") {
		return nil
	}
	text := fmt.Sprintf("\n%d clients come back, each with a sender and a listener, when the router was away for %v.\n\n| | seconds until all are back |\n| --- | ---: |\n", clients, away)
	for _, p := range peers {
		var took []float64
		for round := range o.Rounds {
			o.Progress("round %d of %d: %d clients come back: %s", round+1, o.Rounds, clients, p.Name)
			d, err := storm(p, clients, away)
			if err != nil {
				return fmt.Errorf("%s: coming back: %w", p.Name, err)
			}
			took = append(took, d.Seconds())
		}
		text += fmt.Sprintf("| %s | %.2f |\n", p.Name, median(took))
	}
	_, err := io.WriteString(w, text)
	return err
}

func storm(p Peer, n int, away time.Duration) (time.Duration, error) {
	dir, err := os.MkdirTemp("", "sig-bench-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	addr, release, err := p.addr(dir)
	if err != nil {
		return 0, err
	}
	defer release()
	first := job{Role: "router", Peer: p.Name, Addr: addr}
	router, err := startReady(first)
	if err != nil {
		return 0, err
	}
	clients, err := startReady(job{Role: "storm", Peer: p.Name, Addr: addr, N: n})
	if err != nil {
		router.stop()
		return 0, err
	}
	defer clients.stop()
	router.kill()
	time.Sleep(away)
	if router, err = startReady(first); err != nil {
		return 0, err
	}
	defer router.stop()
	begin := time.Now()
	_, err = clients.await("back", time.Minute)
	return time.Since(begin), err
}

// kill ends a process as a power cut would.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	c.stop()
}

// A returner is a Client that tells when it has come back to its router with all that it had
// there. Those of this project are.
type returner interface {
	// Register adds a sender and a listener, and calls back when they are there again after
	// a cut.
	Register(name string, back func()) error
}

// storm connects clients that come back by themselves.
func (j job) storm(p Peer) error {
	back := make(chan struct{}, j.N)
	for i := range j.N {
		c, err := p.Dial(j.Addr, idler)
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		r, ok := c.(returner)
		if !ok {
			return fmt.Errorf("%s cannot tell when it has come back", p.Name)
		}
		if err := r.Register(fmt.Sprintf("client.%d", i), func() { back <- struct{}{} }); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
	}
	go func() {
		for range j.N {
			<-back
		}
		fmt.Println("back")
	}()
	return nil
}
