// Client calls the server, and can be called by it.
//
//	go run ./examples/xbahn/twoway/server &
//	go run ./examples/xbahn/twoway/client
package main

import (
	"context"
	"fmt"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/examples/xbahn/run"
	"github.com/sigrouter/sigrouter/sig"
)

// A Client is what the server can call.
type Client struct{ touched chan bool }

// Touch is something for the server to call.
func (c Client) Touch() bool {
	c.touched <- true
	return true
}

func main() {
	run.Client(func(ctx context.Context, server sig.Bus) error {
		me := Client{make(chan bool, 1)}
		client, err := api.NewClient(server, "client", me)
		if err != nil {
			return err
		}
		defer client.Close()

		fmt.Println("ping!")
		pong, err := api.Ask[string](ctx, client.At("server"), "ping")
		if err != nil {
			return err
		}
		fmt.Println(pong) // pong!

		// The server calls touch every time a new client makes contact. That goes on beside
		// our own calls, so wait for it.
		select {
		case touched := <-me.touched:
			fmt.Println("Touched?", touched)
		case <-ctx.Done():
			return ctx.Err()
		}
		return nil
	})
}
