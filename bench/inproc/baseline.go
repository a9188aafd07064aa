package inproc

import (
	"slices"
	"sync"
	"sync/atomic"
)

// A directBus calls each func of a slice that an atomic pointer holds.
type directBus struct {
	mu     sync.Mutex
	list   atomic.Pointer[[]func(*Payload)]
	ids    []*Listener
	answer atomic.Pointer[func(*Payload) *Payload]
}

func (d *directBus) Subscribe(l *Listener) func() {
	d.mu.Lock()
	defer d.mu.Unlock()
	var next []func(*Payload)
	if cur := d.list.Load(); cur != nil {
		next = slices.Clone(*cur)
	}
	next = append(next, func(p *Payload) { l.Hit(p) })
	d.ids = append(d.ids, l)
	d.list.Store(&next)
	return func() { d.remove(l) }
}

func (d *directBus) remove(l *Listener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.Index(d.ids, l); i >= 0 {
		d.ids = slices.Delete(d.ids, i, i+1)
		next := slices.Delete(slices.Clone(*d.list.Load()), i, i+1)
		d.list.Store(&next)
	}
}

func (d *directBus) Publish(n int, p *Payload) {
	for range n {
		for _, fn := range *d.list.Load() {
			fn(p)
		}
	}
}

func (d *directBus) Close() {}

func (d *directBus) Handle() {
	fn := func(p *Payload) *Payload { return p }
	d.answer.Store(&fn)
}

func (d *directBus) Request(n int, p *Payload) {
	for range n {
		p = (*d.answer.Load())(p)
	}
	if p.Mark != 0 {
		panic("not reached; keeps p in use")
	}
}

// A channelBus gives each listener a buffered channel and a goroutine.
type channelBus struct {
	list []chan *Payload
	wg   sync.WaitGroup
}

func (c *channelBus) Subscribe(l *Listener) func() {
	ch := make(chan *Payload, 1024)
	c.list = append(c.list, ch)
	c.wg.Go(func() {
		for p := range ch {
			l.Hit(p)
		}
	})
	return nil
}

func (c *channelBus) Publish(n int, p *Payload) {
	for range n {
		for _, ch := range c.list {
			ch <- p
		}
	}
}

func (c *channelBus) Close() {
	for _, ch := range c.list {
		close(ch)
	}
	c.wg.Wait()
}
