//go:build unix

package network

import "fmt"

// here does a job in this process: router, the other clients and the load.
func (j job) here(p Peer) (Result, error) {
	stop, err := p.Router("", false)
	if err != nil {
		return Result{}, fmt.Errorf("router: %w", err)
	}
	defer stop()
	got := newCounters(j.N)
	for i := range j.N {
		c, err := p.Dial("", subscriber)
		if err != nil {
			return Result{}, err
		}
		defer closeClient(c)
		n := got.at(i)
		if err := c.Subscribe(func() { n.Add(1) }); err != nil {
			return Result{}, err
		}
	}
	if j.Routed {
		c, err := p.Dial("", responder)
		if err != nil {
			return Result{}, err
		}
		defer closeClient(c)
		if err := c.Serve(); err != nil {
			return Result{}, err
		}
	}
	c, err := p.Dial("", j.loader())
	if err != nil {
		return Result{}, err
	}
	defer closeClient(c)
	return j.loadFrom(c, p, got, func() {})
}

func closeClient(c Client) {
	if c, ok := c.(interface{ Close() error }); ok {
		_ = c.Close()
	}
}
