package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// calls are the accounts of requests: each was answered once, by one that ran once at
// most.
type calls struct {
	mu       sync.Mutex
	next     int
	ran      map[int]int
	asked    int
	answered int
	failed   int
	faults   []string
}

func newCalls() *calls { return &calls{ran: map[int]int{}} }

func (c *calls) answer(_ context.Context, r sig.Request) (any, error) {
	var id int
	if err := r.Decode(&id); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ran[id]++
	return id, nil
}

// ask asks until the world stops.
func (c *client) ask() {
	rng := rand.New(rand.NewPCG(c.w.c.Seed, uint64(3000+c.id)))
	for {
		select {
		case <-c.w.stop:
			return
		case <-time.After(time.Duration(10+rng.IntN(60)) * time.Millisecond):
		}
		c.w.paused.RLock()
		c.w.calls.one(c, fmt.Sprintf("p%d.a", rng.IntN(len(c.w.clients))))
		c.w.paused.RUnlock()
	}
}

const callPatience = 10 * time.Second

func (a *calls) one(c *client, sender string) {
	a.mu.Lock()
	id := a.next
	a.next++
	a.asked++
	a.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), callPatience)
	defer cancel()
	start := time.Now()
	resp, err := c.rt.RemoteRequest(ctx, sender, "echo", id)
	took := time.Since(start)
	var back int
	if err == nil {
		err = resp.Decode(&back)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch ran := a.ran[id]; {
	case ran > 1:
		a.faults = append(a.faults, fmt.Sprintf("request %d was run %d times", id, ran))
	case err == nil && (back != id || ran != 1):
		a.faults = append(a.faults, fmt.Sprintf("request %d was answered with %d, and run %d times", id, back, ran))
	case took > callPatience+2*time.Second:
		a.faults = append(a.faults, fmt.Sprintf("request %d took %v", id, took))
	}
	if err == nil {
		a.answered++
	} else {
		a.failed++
	}
}
