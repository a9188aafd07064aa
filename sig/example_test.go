package sig_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

type reading struct {
	Celsius float64 `json:"celsius"`
}

func ExampleMatch() {
	for _, pattern := range []string{"floor1.*", "floor1.>", "*.kitchen", sig.Any} {
		fmt.Println(pattern, sig.Match(pattern, "floor1.kitchen"), sig.Match(pattern, "floor1.kitchen.oven"))
	}
	// Output:
	// floor1.* true false
	// floor1.> true true
	// *.kitchen true false
	// > true true
}

func ExampleMatchBelow() {
	for _, name := range []string{"address", "address.usa", "addresses"} {
		fmt.Println(name, sig.MatchBelow("address", name))
	}
	// Output:
	// address true
	// address.usa true
	// addresses false
}

func ExampleCheckName() {
	fmt.Println(sig.CheckName("sender", "floor1.kitchen"))
	fmt.Println(sig.CheckName("sender", ""))
	fmt.Println(sig.CheckName("sender", "floor1.*"))
	// Output:
	// <nil>
	// empty sender name
	// sender name "floor1.*" is a pattern; a name has no part "*" or ">"
}

// A listener need not know where its sender lives.
func ExampleEvent_Decode() {
	near := sig.NewEvent("thermo", "reading", reading{21.5})
	far := sig.NewEvent("thermo", "reading", &sig.Raw{Codec: sig.JSON{}, Bytes: []byte(`{"celsius":21.5}`)})
	for _, e := range []sig.Event{near, far} {
		var r reading
		err := e.Decode(&r)
		fmt.Println(r.Celsius, err)
	}
	// Output:
	// 21.5 <nil>
	// 21.5 <nil>
}

func ExampleAs() {
	n, err := sig.As[int](&sig.Raw{Codec: sig.JSON{}, Bytes: []byte("42")})
	fmt.Println(n, err)
	_, err = sig.As[int]("forty-two")
	fmt.Println(err != nil)
	// Output:
	// 42 <nil>
	// true
}

func ExampleOn() {
	bus := router.New()
	_, _ = sig.On(bus, "thermo", "reading",
		func(e sig.Event, r reading) { fmt.Println(e.Sender, r.Celsius) },
		func(e sig.Event, err error) { fmt.Println("not a reading:", e.Data) })
	thermo, _ := bus.AddSender("thermo", sig.Events("reading"))
	s, _ := thermo.Signal("reading")
	_ = s.Trigger(reading{21.5})
	_ = s.Trigger("warm")
	// Output:
	// thermo 21.5
	// not a reading: warm
}

func ExampleSignalOf() {
	bus := router.New()
	_, _ = bus.AddListener("thermo", "reading", func(e sig.Event) { fmt.Println(e.Data) })
	thermo, _ := bus.AddSender("thermo", sig.Events("reading"))
	s, _ := sig.SignalOf[reading](thermo, "reading")
	_ = s.Trigger(reading{21.5}) // and nothing but a reading
	// Output:
	// {21.5}
}

func ExampleAsk() {
	bus := router.New()
	_, _ = bus.AddSender("calculator", sig.Answer("double", sig.Handle(func(_ context.Context, n int) (int, error) { return 2 * n, nil })))
	n, err := sig.Ask[int](context.Background(), bus, "calculator", "double", 21)
	fmt.Println(n, err)
	_, err = sig.Ask[int](context.Background(), bus, "calculator", "double", "many")
	fmt.Println(errors.Is(err, sig.ErrInvalid))
	// Output:
	// 42 <nil>
	// true
}

// Errors are told apart by what they are, near and far, not by their text.
func ExampleErrorf() {
	err := fmt.Errorf("loading: %w", sig.Errorf(sig.ErrLimit, "%d sensors are the most", 10))
	fmt.Println(err)
	fmt.Println(errors.Is(err, sig.ErrLimit), errors.Is(err, sig.ErrTaken))
	e := sig.AsError(err)
	fmt.Println(e.Status, e.Code, e.Message)
	// Output:
	// loading: 10 sensors are the most
	// true false
	// -6 limit loading: 10 sensors are the most
}

// A trace goes on across processes: the event carries its context.
func ExampleTriggerTraced() {
	bus := router.New()
	_, _ = bus.AddListener("shop", "ordered", func(e sig.Event) { fmt.Println(e.Data, e.Traceparent) })
	shop, _ := bus.AddSender("shop", sig.Events("ordered"))
	ordered, _ := shop.Signal("ordered")
	_ = sig.TriggerTraced(ordered, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tea")
	// Output:
	// tea 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
}

// Two listeners that make each other's events: that ends when each says why it triggers.
func ExampleTriggerFrom() {
	bus := router.New()
	lamp, _ := bus.AddSender("lamp", sig.Events("on", "off"))
	on, _ := lamp.Signal("on")
	off, _ := lamp.Signal("off")
	_, _ = bus.AddListener("lamp", "on", func(e sig.Event) { _ = sig.TriggerFrom(off, e, nil) })
	_, _ = bus.AddListener("lamp", "off", func(e sig.Event) {
		if err := sig.TriggerFrom(on, e, nil); err != nil {
			fmt.Println(err)
		}
	})
	_ = on.Trigger(nil)
	_ = off.Trigger(nil)
	// Output:
	// lamp/on: it has 17 hops behind it, more than 16: does it go around in a circle? (MaxHops)
}

func ExampleOnDrop() {
	bus := router.New()
	began, goOn := make(chan bool), make(chan bool)
	_, _ = bus.AddListener("gauge", "value", func(e sig.Event) {
		if e.Data == 1 {
			began <- true
			<-goOn
		}
		fmt.Println("got", e.Data)
	}, sig.Queue(2, sig.DropOldest), sig.OnDrop(func(d sig.Drop) { fmt.Println("missed", d.Count) }))
	gauge, _ := bus.AddSender("gauge", sig.Events("value"))
	value, _ := gauge.Signal("value")
	_ = value.Trigger(1)
	<-began
	for n := 2; n <= 6; n++ {
		_ = value.Trigger(n)
	}
	close(goOn)
	_ = bus.Close() // when the queue is empty
	// Output:
	// got 1
	// missed 3
	// got 5
	// got 6
}
