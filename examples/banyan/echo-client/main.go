// Echo-client counts down with an echo server: it sends a number, waits for the reply, and
// sends the next.
//
//	go run ./cmd/sig serve &
//	go run ./examples/banyan/echo-server &
//	go run ./examples/banyan/echo-client
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

const numberOfMessages = 10

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
	c, err := component.Join(ctx, client.Remote(), component.Options{Name: "EchoClient", Backplane: backplane, Banner: os.Stdout})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Subscribe("reply"); err != nil {
		return err
	}
	if err := c.AwaitSubscriber(ctx, "echo"); err != nil { // the server may be starting
		return err
	}
	if err := c.Publish("echo", payload{numberOfMessages}); err != nil {
		return err
	}
	return c.Receive(ctx, func(m component.Message) error {
		var p payload
		if err := m.Decode(&p); err != nil {
			return err
		}
		if p.MessageNumber == 0 {
			fmt.Println(numberOfMessages, "messages sent and received.")
			return component.ErrStop
		}
		return c.Publish("echo", payload{p.MessageNumber - 1})
	})
}
