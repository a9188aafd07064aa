// Client calls the methods of the server.
//
//	go run ./examples/xbahn/api/server &
//	go run ./examples/xbahn/api/client
package main

import (
	"context"
	"fmt"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/examples/xbahn/run"
	"github.com/sigrouter/sigrouter/sig"
)

func main() {
	run.Client(func(ctx context.Context, server sig.Bus) error {
		fmt.Println("ping!")
		pong, err := api.Call[string](ctx, server, "server", "ping")
		if err != nil {
			return err
		}
		fmt.Println(pong) // pong!

		product, err := api.Call[int](ctx, server, "server", "multiply", 7, 6)
		if err != nil {
			return err
		}
		fmt.Println("7*6 =", product)
		return nil
	})
}
