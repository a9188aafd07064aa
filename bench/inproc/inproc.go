// Package inproc puts event libraries through the same work in one process, beside
// what the work costs with no library at all.
package inproc

// A Payload is the data of every event: 64 bytes, passed as a pointer. Mark is zero where
// listeners are only to be called, so that each costs one load and one branch.
type Payload struct {
	Mark, Seq, A, B, C, D, E, F uint64
}

// A Listener is what is to be called. An adapter's own handler, in the library's own
// signature, calls Hit and does nothing else, in a closure written in place: then the
// compiler inlines Hit, for all of them alike.
type Listener struct {
	Fn func(*Payload) // called for marked payloads only
}

// Hit takes one event.
func (l *Listener) Hit(p *Payload) {
	if p.Mark != 0 {
		l.Fn(p)
	}
}

// A Bus is a fresh instance of a library, with one event to trigger.
type Bus interface {
	// Subscribe adds a listener of the event. What it returns removes it; nil where the
	// library cannot remove one listener.
	Subscribe(l *Listener) (cancel func())
	// Publish triggers the event n times. The loop is inside, so that the call of this
	// interface is paid once.
	Publish(n int, p *Payload)
	Close()
}

// A Namer is a Bus that can have other events beside.
type Namer interface {
	SubscribeOther(i int, l *Listener)
}

// A Requester is a Bus that answers requests.
type Requester interface {
	Handle()
	Request(n int, p *Payload)
}

// An Adapter is one library in one way of use.
type Adapter struct {
	Name   string
	Module string // import path of the library; "" for baselines
	Queued bool   // listeners run later, on goroutines of their own
	Batch  int    // events in flight where the library sets no bound; 0 where it does
	New    func() Bus
}

// Baselines are the limits that ratios are taken to.
func Baselines() (direct, channel Adapter) {
	return Adapter{Name: "direct", New: func() Bus { return &directBus{} }},
		Adapter{Name: "channel", Queued: true, New: func() Bus { return &channelBus{} }}
}

// Peers are the libraries compared with.
func Peers() []Adapter {
	return []Adapter{
		{Name: "protoactor eventstream", Module: "github.com/asynkron/protoactor-go", New: newProtoactor},
		{Name: "kataras/go-events", Module: "github.com/kataras/go-events", New: newKataras},
		{Name: "samber/ro subject", Module: "github.com/samber/ro", New: newRo},
		{Name: "pocketbase hook", Module: "github.com/pocketbase/pocketbase", New: newPocketbase},
		{Name: "EventBus", Module: "github.com/asaskevich/EventBus", New: newEventBus},

		{Name: "docker/go-events", Module: "github.com/docker/go-events", Queued: true, New: newDocker},
		{Name: "libp2p eventbus", Module: "github.com/libp2p/go-libp2p", Queued: true, New: newLibp2p},
		{Name: "cskr/pubsub v2", Module: "github.com/cskr/pubsub/v2", Queued: true, New: newCskr},
		{Name: "go-ethereum FeedOf", Module: "github.com/ethereum/go-ethereum", Queued: true, New: newGeth},
		{Name: "watermill gochannel", Module: "github.com/ThreeDotsLabs/watermill", Queued: true, Batch: 256, New: newWatermill},
		{Name: "tailscale eventbus", Module: "tailscale.com", Queued: true, New: newTailscale},
	}
}
