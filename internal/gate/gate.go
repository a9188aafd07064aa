// Package gate bounds the connections that are still shaking hands, so that strangers
// who are slow, or many, leave room for others.
package gate

import (
	"net"
	"sync"
	"sync/atomic"
)

// Limits of a Gate that New is given zero for.
const (
	DefaultMax     = 64 // connections in all
	DefaultMaxHost = 16 // connections of one address that is not loopback
)

// A Gate counts the connections between being accepted and being somebody. It may be used
// by several goroutines at once.
type Gate struct {
	places chan struct{}
	max    int

	mu      sync.Mutex
	hosts   map[string]int
	refused atomic.Uint64
}

// New makes a gate for at most max connections at once, of them maxHost of one address.
// Zero means the default.
func New(max, maxHost int) *Gate {
	if max == 0 {
		max = DefaultMax
	}
	if maxHost == 0 {
		maxHost = DefaultMaxHost
	}
	return &Gate{places: make(chan struct{}, max), max: maxHost, hosts: map[string]int{}}
}

// Enter lets a connection from addr in, and waits while the gate is full: what is not
// accepted waits in the kernel. It reports false when the address has its share already,
// or done was closed.
func (g *Gate) Enter(done <-chan struct{}, addr net.Addr) bool {
	host := hostOf(addr)
	if !g.count(host) {
		g.refused.Add(1)
		return false
	}
	select {
	case g.places <- struct{}{}:
		return true
	case <-done:
		g.uncount(host)
		return false
	}
}

// Leave gives the place of a connection from addr back, once for each Enter that
// reported true.
func (g *Gate) Leave(addr net.Addr) {
	g.uncount(hostOf(addr))
	<-g.places
}

// Refused returns how many connections were not let in because their address had its
// share.
func (g *Gate) Refused() uint64 { return g.refused.Load() }

func (g *Gate) count(host string) bool {
	if host == "" {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hosts[host] >= g.max {
		return false
	}
	g.hosts[host]++
	return true
}

func (g *Gate) uncount(host string) {
	if host == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hosts[host]--; g.hosts[host] == 0 {
		delete(g.hosts, host)
	}
}

// hostOf returns the address without its port, "" for this machine. Of IPv6 it is the
// first half, which is what one subscriber has.
func hostOf(addr net.Addr) string {
	a, ok := addr.(*net.TCPAddr)
	if !ok || a.IP.IsLoopback() {
		return ""
	}
	if ip := a.IP.To4(); ip != nil {
		return string(ip)
	}
	return string(a.IP[:8])
}
