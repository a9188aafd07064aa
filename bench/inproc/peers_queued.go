package inproc

import (
	"context"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
	cskr "github.com/cskr/pubsub/v2"
	docker "github.com/docker/go-events"
	geth "github.com/ethereum/go-ethereum/event"
	libp2pevent "github.com/libp2p/go-libp2p/core/event"
	libp2p "github.com/libp2p/go-libp2p/p2p/host/eventbus"
	tailscale "tailscale.com/util/eventbus"
)

// Libraries whose listeners run later, each with room for 1,024 events where that can
// be said.

const queue = 1024

type dockerBus struct{ b *docker.Broadcaster }

type dockerSink struct{ l *Listener }

func (s *dockerSink) Write(e docker.Event) error { s.l.Hit(e.(*Payload)); return nil }
func (s *dockerSink) Close() error               { return nil }

func newDocker() Bus { return dockerBus{docker.NewBroadcaster()} }

func (b dockerBus) Subscribe(l *Listener) func() {
	s := &dockerSink{l}
	_ = b.b.Add(s)
	return func() { _ = b.b.Remove(s) }
}

func (b dockerBus) Publish(n int, p *Payload) {
	for range n {
		_ = b.b.Write(p)
	}
}

func (b dockerBus) Close() { _ = b.b.Close() }

type libp2pEvent struct{ P *Payload }

type libp2pBus struct {
	bus libp2pevent.Bus
	em  libp2pevent.Emitter
}

func newLibp2p() Bus {
	bus := libp2p.NewBus()
	em, err := bus.Emitter(new(libp2pEvent))
	if err != nil {
		panic(err)
	}
	return libp2pBus{bus, em}
}

func (b libp2pBus) Subscribe(l *Listener) func() {
	sub, err := b.bus.Subscribe(new(libp2pEvent), libp2p.BufSize(queue))
	if err != nil {
		panic(err)
	}
	go func() {
		for v := range sub.Out() {
			l.Hit(v.(libp2pEvent).P)
		}
	}()
	return func() { _ = sub.Close() }
}

func (b libp2pBus) Publish(n int, p *Payload) {
	for range n {
		_ = b.em.Emit(libp2pEvent{p})
	}
}

func (b libp2pBus) Close() { _ = b.em.Close() }

type cskrBus struct {
	ps *cskr.PubSub[string, *Payload]
}

func newCskr() Bus { return cskrBus{cskr.New[string, *Payload](queue)} }

func (b cskrBus) Subscribe(l *Listener) func() {
	ch := b.ps.Sub("tic")
	go func() {
		for p := range ch {
			l.Hit(p)
		}
	}()
	return func() { b.ps.Unsub(ch, "tic") }
}

func (b cskrBus) Publish(n int, p *Payload) {
	for range n {
		b.ps.Pub(p, "tic")
	}
}

func (b cskrBus) Close() { b.ps.Shutdown() }

type gethBus struct {
	f    geth.FeedOf[*Payload]
	subs []geth.Subscription
}

func newGeth() Bus { return &gethBus{} }

func (b *gethBus) Subscribe(l *Listener) func() {
	ch := make(chan *Payload, queue)
	sub := b.f.Subscribe(ch)
	b.subs = append(b.subs, sub)
	go func() {
		for {
			select {
			case p := <-ch:
				l.Hit(p)
			case <-sub.Err():
				return
			}
		}
	}()
	return sub.Unsubscribe
}

func (b *gethBus) Publish(n int, p *Payload) {
	for range n {
		b.f.Send(p)
	}
}

func (b *gethBus) Close() {
	for _, s := range b.subs {
		s.Unsubscribe()
	}
}

type watermillBus struct{ g *gochannel.GoChannel }

func newWatermill() Bus {
	return watermillBus{gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: queue}, watermill.NopLogger{})}
}

func (b watermillBus) Subscribe(l *Listener) func() {
	ctx, cancel := context.WithCancel(context.Background())
	ch, err := b.g.Subscribe(ctx, "tic")
	if err != nil {
		panic(err)
	}
	go func() {
		p := &Payload{}
		for m := range ch {
			p.Mark = uint64(m.Payload[0])
			l.Hit(p)
			m.Ack()
		}
	}()
	return cancel
}

func (b watermillBus) Publish(n int, p *Payload) {
	for range n {
		body := make([]byte, 64)
		body[0] = byte(p.Mark)
		if err := b.g.Publish("tic", message.NewMessage("", body)); err != nil {
			panic(err)
		}
	}
}

func (b watermillBus) Close() { _ = b.g.Close() }

type tailscaleEvent struct{ P *Payload }

type tailscaleBus struct {
	bus *tailscale.Bus
	pub *tailscale.Publisher[tailscaleEvent]
}

func newTailscale() Bus {
	bus := tailscale.NewWithOptions(tailscale.BusOptions{Logf: func(string, ...any) {}})
	return tailscaleBus{bus, tailscale.Publish[tailscaleEvent](bus.Client("pub"))}
}

// Subscribe makes a client for each listener: one may subscribe to a type once.
func (b tailscaleBus) Subscribe(l *Listener) func() {
	c := b.bus.Client("sub")
	tailscale.SubscribeFunc(c, func(e tailscaleEvent) { l.Hit(e.P) })
	return c.Close
}

func (b tailscaleBus) Publish(n int, p *Payload) {
	for range n {
		b.pub.Publish(tailscaleEvent{p})
	}
}

func (b tailscaleBus) Close() { b.bus.Close() }
