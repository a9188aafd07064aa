// Client uses three widgets, of which two are the same.
//
//	go run ./examples/xbahn/widget/server &
//	go run ./examples/xbahn/widget/client
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
		demo := api.At(server, "demo")
		widgetA := demo.Instance("widget_a")
		if _, err := widgetA.Call(ctx, "set_number", 123); err != nil {
			return err
		}
		for _, c := range []struct {
			name   string
			widget *api.Remote
		}{
			{"A", widgetA},                             // 123
			{"B", demo.Instance("widget_b")},           // another id, another widget: 0
			{"C through A", demo.Instance("widget_a")}, // the same id, the same widget: 123
		} {
			number, err := api.Ask[int](ctx, c.widget, "get_number")
			if err != nil {
				return err
			}
			fmt.Printf("Number on the server widget (%s) %d\n", c.name, number)
		}
		return nil
	})
}
