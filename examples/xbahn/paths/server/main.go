// Server handles messages by their paths: what is sent to address.usa reaches the handler of
// address.
//
//	go run ./examples/xbahn/paths/server
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sigrouter/sigrouter/examples/xbahn/run"
	"github.com/sigrouter/sigrouter/path"
	"github.com/sigrouter/sigrouter/router"
)

func main() {
	run.Server(func(_ context.Context, srv *router.ServerRouter) error {
		link, err := path.Join(srv, path.Options{Name: "server"})
		if err != nil {
			return err
		}
		_, err = link.On("person", func(_ context.Context, m *path.Received) error {
			fmt.Println("Message arrived", "PERSON", m.Data, m.Path)
			return nil
		})
		_, err2 := link.On("address", func(_ context.Context, m *path.Received) error {
			fmt.Println("Message arrived", "ADDRESS", m.Data, m.Path)
			return nil
		})
		return errors.Join(err, err2)
	})
}
