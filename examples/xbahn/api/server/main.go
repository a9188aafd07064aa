// Server exposes two methods.
//
//	go run ./examples/xbahn/api/server
package main

import (
	"context"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/examples/xbahn/run"
	"github.com/sigrouter/sigrouter/router"
)

// A Server is what clients can call.
type Server struct{}

// Ping is something to call for our client.
func (Server) Ping() string { return "pong!" }

// Multiply multiplies a with b and returns the result to the client.
func (Server) Multiply(a, b int) int { return a * b }

func main() {
	run.Server(func(_ context.Context, srv *router.ServerRouter) error {
		_, err := api.Expose(srv, "server", Server{},
			api.Doc("Ping", "Something to call for our client."),
			api.Doc("Multiply", "Multiplies a with b.", api.Param("a", ""), api.Param("b", "")))
		return err
	})
}
