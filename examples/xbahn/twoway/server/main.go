// Server calls every new client.
//
//	go run ./examples/xbahn/twoway/server
package main

import (
	"context"
	"log"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/examples/xbahn/run"
	"github.com/sigrouter/sigrouter/router"
)

// A Server is what clients can call.
type Server struct{}

// Ping is something to call for our client.
func (Server) Ping() string { return "pong!" }

func main() {
	run.Server(func(ctx context.Context, srv *router.ServerRouter) error {
		if _, err := api.Expose(srv, "server", Server{}); err != nil {
			return err
		}
		// Every time a new client makes contact, call its touch. The watch lasts as long as
		// the program.
		_, err := api.Watch(ctx, srv, "client.*", api.Joined(func(ctx context.Context, client *api.Remote) {
			if _, err := client.Call(ctx, "touch"); err != nil {
				log.Print(err)
			}
		}))
		return err
	})
}
