package inproc

import (
	"strconv"

	"github.com/asaskevich/EventBus"
	"github.com/asynkron/protoactor-go/eventstream"
	kataras "github.com/kataras/go-events"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/samber/ro"
)

// Libraries whose listeners have run when the trigger returns.

func otherName(i int) string { return "other" + strconv.Itoa(i) }

type protoactorBus struct{ s *eventstream.EventStream }

func newProtoactor() Bus { return protoactorBus{eventstream.NewEventStream()} }

func (b protoactorBus) Subscribe(l *Listener) func() {
	sub := b.s.Subscribe(func(v any) { l.Hit(v.(*Payload)) })
	return func() { b.s.Unsubscribe(sub) }
}

func (b protoactorBus) Publish(n int, p *Payload) {
	for range n {
		b.s.Publish(p)
	}
}

func (b protoactorBus) Close() {}

type katarasBus struct{ e kataras.EventEmmiter }

func newKataras() Bus {
	e := kataras.New()
	e.SetMaxListeners(0)
	return katarasBus{e}
}

func (b katarasBus) add(name string, l *Listener) func() {
	fn := func(v ...any) { l.Hit(v[0].(*Payload)) }
	b.e.On(kataras.EventName(name), fn)
	return func() { b.e.RemoveListener(kataras.EventName(name), fn) }
}

func (b katarasBus) Subscribe(l *Listener) func()      { return b.add("tic", l) }
func (b katarasBus) SubscribeOther(i int, l *Listener) { b.add(otherName(i), l) }

func (b katarasBus) Publish(n int, p *Payload) {
	for range n {
		b.e.Emit("tic", p)
	}
}

func (b katarasBus) Close() {}

type roBus struct{ s ro.Subject[*Payload] }

func newRo() Bus { return roBus{ro.NewPublishSubject[*Payload]()} }

func (b roBus) Subscribe(l *Listener) func() {
	return b.s.Subscribe(ro.OnNext(func(p *Payload) { l.Hit(p) })).Unsubscribe
}

func (b roBus) Publish(n int, p *Payload) {
	for range n {
		b.s.Next(p)
	}
}

func (b roBus) Close() { b.s.Complete() }

type pocketbaseEvent struct {
	hook.Event
	P *Payload
}

type pocketbaseBus struct{ h hook.Hook[*pocketbaseEvent] }

func newPocketbase() Bus { return &pocketbaseBus{} }

func (b *pocketbaseBus) Subscribe(l *Listener) func() {
	id := b.h.BindFunc(func(e *pocketbaseEvent) error { l.Hit(e.P); return e.Next() })
	return func() { b.h.Unbind(id) }
}

func (b *pocketbaseBus) Publish(n int, p *Payload) {
	e := &pocketbaseEvent{P: p}
	for range n {
		_ = b.h.Trigger(e)
	}
}

func (b *pocketbaseBus) Close() {}

type eventBusBus struct{ bus EventBus.Bus }

func newEventBus() Bus { return eventBusBus{EventBus.New()} }

// add returns no way to remove the listener: Unsubscribe compares code pointers, and so
// removes the first closure of the same source line.
func (b eventBusBus) add(topic string, l *Listener) {
	if err := b.bus.Subscribe(topic, func(p *Payload) { l.Hit(p) }); err != nil {
		panic(err)
	}
}

func (b eventBusBus) Subscribe(l *Listener) func()      { b.add("tic", l); return nil }
func (b eventBusBus) SubscribeOther(i int, l *Listener) { b.add(otherName(i), l) }

func (b eventBusBus) Publish(n int, p *Payload) {
	for range n {
		b.bus.Publish("tic", p)
	}
}

func (b eventBusBus) Close() {}
