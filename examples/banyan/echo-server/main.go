// Echo-server publishes every "echo" as a "reply". It runs until Ctrl-C.
//
//	go run ./cmd/sig serve &
//	go run ./examples/banyan/echo-server
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/component"
)

// A payload is what both sides send.
type payload struct {
	MessageNumber int `json:"message_number"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, component.Address()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, backplane string) error {
	client, err := sigrouter.Dial(ctx, backplane)
	if err != nil {
		return fmt.Errorf("backplane is not running; start it with sig serve: %w", err)
	}
	defer client.Close()
	c, err := component.Join(ctx, client.Remote(), component.Options{Name: "EchoServer", Backplane: backplane, Banner: os.Stdout})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Subscribe("echo"); err != nil {
		return err
	}
	return c.Receive(ctx, func(m component.Message) error {
		var p payload
		if err := m.Decode(&p); err != nil {
			return err // is logged, and the next message comes
		}
		fmt.Println("Message number:", p.MessageNumber)
		return c.Publish("reply", p)
	})
}
