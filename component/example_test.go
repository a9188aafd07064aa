package component_test

import (
	"context"
	"fmt"
	"os"

	"github.com/sigrouter/sigrouter/component"
	"github.com/sigrouter/sigrouter/router"
)

func Example() {
	ctx := context.Background()
	bus := router.New() // or a client's Remote(), in another process
	defer bus.Close()

	server, _ := component.Join(ctx, bus, component.Options{Name: "EchoServer", Banner: os.Stdout})
	defer server.Close()
	server.Subscribe("echo")

	client, _ := component.Join(ctx, bus, component.Options{Name: "EchoClient"})
	defer client.Close()
	client.Subscribe("reply")
	client.Publish("echo", map[string]int{"message_number": 10})

	server.Receive(ctx, func(m component.Message) error {
		server.Publish("reply", m.Data)
		return component.ErrStop // or handle messages until ctx ends
	})
	client.Receive(ctx, func(m component.Message) error {
		var payload map[string]int
		err := m.Decode(&payload)
		fmt.Println(m.Topic, "from", m.From, payload["message_number"], err)
		return component.ErrStop
	})
	// Output:
	// ************************************************************
	// EchoServer at the backplane of this process
	// ************************************************************
	// reply from EchoServer 10 <nil>
}
