// Client has one half of a widget and pokes the other, which slaps back. A second client
// has a widget of its own, by the same id.
//
//	go run ./examples/xbahn/aware/server &
//	go run ./examples/xbahn/aware/client
package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/examples/xbahn/run"
	"github.com/sigrouter/sigrouter/sig"
)

// A DemoWidget is the client's half.
type DemoWidget struct{ slapped atomic.Bool }

// Slapped reports whether it was slapped.
func (w *DemoWidget) Slapped() bool { return w.slapped.Load() }

// Slap is something for the server's half to call.
func (w *DemoWidget) Slap() { w.slapped.Store(true) }

func main() {
	run.Client(func(ctx context.Context, server sig.Bus) error {
		half, remote, err := widget(server)
		if err != nil {
			return err
		}
		if _, err := remote.Call(ctx, "poke"); err != nil {
			return err
		}
		// During poke the server has called slap.
		fmt.Println("Slapped (a)?", half.Slapped()) // called here
		if err := printPoked(ctx, "a", remote); err != nil {
			return err
		}

		// Each client has an instance of its own on the other side.
		_, remote, err = widget(server)
		if err != nil {
			return err
		}
		return printPoked(ctx, "b", remote)
	})
}

// widget makes a new client with its half of widget_a, and returns both halves.
func widget(server sig.Bus) (*DemoWidget, *api.Remote, error) {
	client, err := api.NewClient(server, "client", api.None{})
	if err != nil {
		return nil, nil, err
	}
	half := &DemoWidget{}
	remote, err := api.Attach(client, "demo", "widget_a", half)
	return half, remote, err
}

func printPoked(ctx context.Context, name string, remote *api.Remote) error {
	poked, err := api.Ask[bool](ctx, remote, "poked")
	if err == nil {
		fmt.Printf("Poked (%s)? %v\n", name, poked)
	}
	return err
}
