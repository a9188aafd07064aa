package inproc

import (
	"context"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// OwnRouter returns the adapters of this project's router.
func OwnRouter() Own {
	own := func(name string, o ownBus) Adapter {
		return Adapter{Name: name, Queued: len(o.listen) > 0, New: func() Bus { return newOwn(o) }}
	}
	held := own("sig", ownBus{})
	byName := own("sig, sender and signal by name", ownBus{byName: true})
	return Own{
		Now: []Adapter{
			held, byName,
			own("sig, four kinds of listeners", ownBus{kinds: true}),
			own("sig, listeners to wait for", ownBus{opts: []sig.ListenOption{sig.Waitable()}}),
		},
		Queued:   []Adapter{own("sig", ownBus{listen: []sig.ListenOption{sig.Queue(queue, sig.Block)}})},
		Requests: []Adapter{own("sig, method held", ownBus{}), own("sig, sender and method by name", ownBus{byName: true})},
	}
}

// An ownBus is a router with one sender.
type ownBus struct {
	byName bool // look the sender up for each trigger and request
	kinds  bool // listeners of all four kinds in turn
	opts   []sig.ListenOption
	listen []sig.ListenOption // of queued listeners

	r      *router.Router
	signal sig.Signal
	method *router.Method
	n      int
}

func newOwn(o ownBus) Bus {
	o.r = router.New()
	o.opts = append(o.opts, o.listen...)
	s := must(o.r.AddSender("timer", sig.Events("tic"), sig.Answer("echo",
		func(_ context.Context, r sig.Request) (any, error) { return r.Params, nil })))
	o.signal = must(s.Signal("tic"))
	return &o
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (o *ownBus) Subscribe(l *Listener) func() {
	sender, event := "timer", "tic"
	if o.kinds {
		if o.n&1 != 0 {
			sender = sig.Any
		}
		if o.n&2 != 0 {
			event = sig.Any
		}
		o.n++
	}
	sub := must(o.r.AddListener(sender, event, func(e sig.Event) {
		if p, ok := e.Data.(*Payload); ok { // built-in events reach the listeners of any event too
			l.Hit(p)
		}
	}, o.opts...))
	return sub.Remove
}

func (o *ownBus) SubscribeOther(i int, l *Listener) {
	must(o.r.AddSender(otherName(i), sig.Events("tic", "toc")))
	must(o.r.AddListener(otherName(i), "tic", func(e sig.Event) { l.Hit(e.Data.(*Payload)) }))
}

func (o *ownBus) Publish(n int, p *Payload) {
	if o.byName {
		o.publishByName(n, p)
		return
	}
	for range n {
		_ = o.signal.Trigger(p) // fails when the sender is gone, which it is not
	}
}

func (o *ownBus) publishByName(n int, p *Payload) {
	for range n {
		s, ok := o.r.Sender("timer")
		if !ok {
			panic("the sender has gone")
		}
		_ = must(s.Signal("tic")).Trigger(p)
	}
}

func (o *ownBus) Handle() { o.method = o.r.Method("timer", "echo") }

func (o *ownBus) Request(n int, p *Payload) {
	ctx := context.Background()
	for range n {
		var resp sig.Response
		var err error
		if o.byName {
			resp, err = o.r.Request(ctx, "timer", "echo", p)
		} else {
			resp, err = o.method.Request(ctx, p)
		}
		if err != nil {
			panic(err)
		}
		p = resp.Data.(*Payload)
	}
}

func (o *ownBus) Close() { _ = o.r.Close() }
