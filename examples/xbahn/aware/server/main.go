// Server has widgets of which each client has its own, and calls the client's half.
//
//	go run ./examples/xbahn/aware/server
package main

import (
	"context"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/examples/xbahn/run"
	"github.com/sigrouter/sigrouter/router"
)

// A DemoWidget is the server's half.
type DemoWidget struct {
	client *api.Remote // the other half
	poked  atomic.Bool
}

// Poked reports whether it was poked.
func (w *DemoWidget) Poked() bool { return w.poked.Load() }

// Poke is something for the client's half to call.
func (w *DemoWidget) Poke(ctx context.Context) error {
	w.poked.Store(true)
	_, err := w.client.Call(ctx, "slap") // now call slap on the client
	return err
}

func main() {
	run.Server(func(_ context.Context, srv *router.ServerRouter) error {
		_, err := api.ExposeEach(srv, "demo", func(_ context.Context, i *api.Instance) (*DemoWidget, error) {
			return &DemoWidget{client: i.Peer()}, nil
		}, api.PerClient())
		return err
	})
}
