// Server responds to whatever it is sent.
//
//	go run ./examples/xbahn/messaging/server
package main

import (
	"context"
	"encoding/json"
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
		_, err = link.On("", handleIncomingMessage)
		return err
	})
}

func handleIncomingMessage(_ context.Context, m *path.Received) error {
	fmt.Println(m.Data)        // Test
	fmt.Println(text(m.Args))  // ["an arg"]
	fmt.Println(text(m.Named)) // {"something":"extra"}
	return m.Respond(path.New(fmt.Sprintf("Message '%v' received!", m.Data)))
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
