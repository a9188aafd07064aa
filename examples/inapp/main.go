// Inapp is one program whose parts do not know each other: a shop that takes orders, a
// store that counts what is left, a mail program that is slow, and a log of everything.
//
//	go run ./examples/inapp
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

type order struct {
	Who, What string
	Pieces    int
}

func main() {
	bus := router.New()
	keepLog(bus)
	openStore(bus, map[string]int{"tea": 5, "cups": 2})
	sendMail(bus)
	shop(bus)
	if err := bus.Close(); err != nil { // waits for the mail
		log.Print(err)
	}
}

// keepLog listens to every event of everybody, and to nobody's coming and going.
func keepLog(bus *router.Router) {
	must(bus.AddListener("*", "*", func(e sig.Event) {
		if !sig.IsBuiltin(e.Name) {
			fmt.Printf("log:   %s.%s %v\n", e.Sender, e.Name, e.Data)
		}
	}))
}

// openStore keeps the stock. Whoever comes late is told how it is.
func openStore(bus *router.Router, stock map[string]int) {
	store := must(bus.AddSender("store", sig.Retain("low"), sig.Answer("left",
		sig.Handle(func(_ context.Context, what string) (int, error) { return stock[what], nil }))))
	low := must(sig.SignalOf[string](store, "low"))
	must(sig.On(bus, "shop", "ordered", func(e sig.Event, o order) {
		if stock[o.What] -= o.Pieces; stock[o.What] < 2 {
			_ = low.TriggerFrom(e, o.What) // because of e: circles of these end
		}
	}, nil))
}

// sendMail takes its time, in a goroutine of its own: nobody waits for it.
func sendMail(bus *router.Router) {
	must(sig.On(bus, "shop", "ordered", func(_ sig.Event, o order) {
		fmt.Printf("mail:  dear %s, your %s will come\n", o.Who, o.What)
	}, nil, sig.Queue(100, sig.Block)))
}

// shop takes two orders.
func shop(bus *router.Router) {
	ctx := context.Background()
	sender := must(bus.AddSender("shop", sig.Events("ordered")))
	ordered := must(sig.SignalOf[order](sender, "ordered"))
	for _, o := range []order{{"ana", "tea", 1}, {"bob", "cups", 1}} {
		_ = ordered.Trigger(o) // fails only when the sender has been removed
		fmt.Printf("shop:  %d %s left\n", must(sig.Ask[int](ctx, bus, "store", "left", o.What)), o.What)
	}
	must(bus.AddListener("store", "low", func(e sig.Event) { fmt.Println("buyer: order", e.Data) }))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
