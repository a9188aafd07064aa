package sigrouter_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/sig"
)

// A router, a program that triggers and one that listens. Here they are one process; in three
// nothing would change but the address.
func Example() {
	ctx := context.Background()
	srv := sigrouter.NewServer()
	defer srv.Close()
	l, err := srv.Listen(ctx, "tcp://127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}

	display, err := sigrouter.Dial(ctx, l.URL())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer display.Close()
	heard := make(chan float64)
	_, err = display.AddRemoteListener(ctx, "thermometer", "temperature", func(e sig.Event) {
		var celsius float64
		if err := e.Decode(&celsius); err == nil {
			heard <- celsius
		}
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	thermometer, err := sigrouter.Dial(ctx, l.URL())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer thermometer.Close()
	sender, err := thermometer.AddRemoteSender(ctx, "thermometer", sig.Events("temperature"),
		sig.Answer("unit", func(context.Context, sig.Request) (any, error) { return "°C", nil }))
	if err != nil {
		fmt.Println(err)
		return
	}
	temperature, _ := sender.Signal("temperature")
	_ = temperature.Trigger(21.5)

	unit, err := sig.Ask[string](ctx, display.Remote(), "thermometer", "unit", nil)
	fmt.Println(<-heard, unit, err)
	// Output:
	// 21.5 °C <nil>
}

// Inside one process there is nothing to connect.
func ExampleNew() {
	r := sigrouter.New()
	_, _ = r.AddListener("door", "opened", func(e sig.Event) { fmt.Println("opened by", e.Data) })
	door, _ := r.AddSender("door", sig.Events("opened"))
	opened, _ := door.Signal("opened")
	_ = opened.Trigger("ana")
	// Output:
	// opened by ana
}

// One server can be reached at any number of addresses.
func ExampleNewServer() {
	ctx := context.Background()
	srv := sigrouter.NewServer()
	defer srv.Close()
	for _, address := range []string{"tcp://127.0.0.1:0", "ws://127.0.0.1:0/sig"} {
		l, err := srv.Listen(ctx, address)
		if err != nil {
			fmt.Println(err)
			return
		}
		c, err := sigrouter.Dial(ctx, l.URL())
		if err != nil {
			fmt.Println(err)
			return
		}
		defer c.Close()
	}
	for _, p := range srv.Peers() {
		fmt.Println(p.Carrier)
	}
	_, err := srv.Listen(ctx, "carrier-pigeon://home")
	fmt.Println(err)
	// Output:
	// tcp
	// ws
	// carrier: no carrier for "carrier-pigeon://home"; known are exec, serial, stdio, tcp, tls, unix, ws, wss
}

// What fails says so.
func ExampleDial() {
	_, err := sigrouter.Dial(context.Background(), "unix:nobody-listens-here.sock")
	fmt.Println(errors.Is(err, sig.ErrNotConnected))
	// Output:
	// true
}
