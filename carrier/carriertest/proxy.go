package carriertest

import (
	"fmt"
	"io"
	"net"
	"sync"
)

// A Proxy passes the connections made to it on to another address, with faults: it
// stands between two programs that know nothing of it.
type Proxy struct {
	in   *Injector
	l    net.Listener
	to   string
	wg   sync.WaitGroup
	mu   sync.Mutex
	open map[net.Conn]struct{} // to the address
	down bool
}

// Proxy listens on a free port of 127.0.0.1 and passes connections on to the TCP address
// host:port. The connections are the injector's; close the Proxy, then the Injector.
func (in *Injector) Proxy(to string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("carriertest: %w", err)
	}
	p := &Proxy{in: in, l: l, to: to, open: map[net.Conn]struct{}{}}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr returns the host:port that the proxy listens at.
func (p *Proxy) Addr() string { return p.l.Addr().String() }

// Refuse makes the proxy close new connections at once, or accept them again.
func (p *Proxy) Refuse(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = yes
}

// Close stops listening and closes the connections.
func (p *Proxy) Close() error {
	err := p.l.Close()
	p.mu.Lock()
	p.down = true
	for c := range p.open {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(c) })
	}
}

func (p *Proxy) serve(c net.Conn) {
	far, err := net.Dial("tcp", p.to)
	if err != nil || !p.keep(far) {
		(&streamEnd{c: c}).abort()
		if far != nil {
			_ = far.Close()
		}
		return
	}
	near := p.in.Stream(c)
	var wg sync.WaitGroup
	pump := func(to, from net.Conn) {
		if _, err := io.Copy(to, from); err != nil {
			(&streamEnd{c: far}).abort()
		}
		_ = near.Close()
		_ = far.Close()
	}
	wg.Go(func() { pump(near, far) })
	wg.Go(func() { pump(far, near) })
	wg.Wait()
	p.mu.Lock()
	delete(p.open, far)
	p.mu.Unlock()
}

func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return false
	}
	p.open[c] = struct{}{}
	return true
}
