// Client sends messages to three paths.
//
//	go run ./examples/xbahn/paths/server &
//	go run ./examples/xbahn/paths/client
package main

import (
	"context"
	"errors"

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
		return errors.Join(
			main.Send(ctx, "person", path.New("John Smith")),
			main.Send(ctx, "address", path.New("Some Street, 123")),
			main.Send(ctx, "address.usa", path.New("Another Street, 123")),
		)
	})
}
