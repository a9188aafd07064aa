// Client sends two messages and prints the responses.
//
//	go run ./examples/xbahn/messaging/server &
//	go run ./examples/xbahn/messaging/client
package main

import (
	"context"
	"fmt"

	"github.com/sigrouter/sigrouter/examples/xbahn/run"
	"github.com/sigrouter/sigrouter/path"
	"github.com/sigrouter/sigrouter/sig"
)

func main() {
	run.Client(func(ctx context.Context, server sig.Bus) error {
		link, err := path.Join(server, path.Options{})
		if err != nil {
			return err
		}
		main := link.To("server")
		reply, err := main.SendAndWait(ctx, "test", path.New("Test", "an arg").With("something", "extra"))
		if err != nil {
			return err
		}
		fmt.Println(reply.Data)

		// A handler may also be attached to the message itself.
		message := path.New("Test message!")
		message.OnResponse = func(response path.Message) { fmt.Println("Message received response:", response.Data) }
		_, err = main.SendAndWait(ctx, "test", message)
		return err
	})
}
