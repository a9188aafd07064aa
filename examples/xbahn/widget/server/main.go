// Server has widgets: a value for each id that a client names, shared by all clients.
//
//	go run ./examples/xbahn/widget/server
package main

import (
	"context"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/examples/xbahn/run"
	"github.com/sigrouter/sigrouter/router"
)

// A DemoWidget keeps a number.
type DemoWidget struct{ num atomic.Int64 }

// SetNumber is something for our client to call.
func (w *DemoWidget) SetNumber(num int64) { w.num.Store(num) }

// GetNumber returns the number.
func (w *DemoWidget) GetNumber() int64 { return w.num.Load() }

func main() {
	run.Server(func(_ context.Context, srv *router.ServerRouter) error {
		_, err := api.ExposeEach(srv, "demo", func(context.Context, *api.Instance) (*DemoWidget, error) {
			return &DemoWidget{}, nil
		})
		return err
	})
}
