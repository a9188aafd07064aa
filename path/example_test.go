package path_test

import (
	"context"
	"fmt"

	"github.com/sigrouter/sigrouter/path"
	"github.com/sigrouter/sigrouter/router"
)

func Example() {
	ctx := context.Background()
	bus := router.New() // or a client's Remote(), in another process
	defer bus.Close()

	server, _ := path.Join(bus, path.Options{Name: "server"})
	defer server.Close()
	server.On("person", func(_ context.Context, m *path.Received) error {
		fmt.Println("Message arrived", "PERSON", m.Data, m.Path)
		return nil
	})
	server.On("address", func(_ context.Context, m *path.Received) error {
		fmt.Println("Message arrived", "ADDRESS", m.Data, m.Path)
		return m.Respond(path.New("thank you"))
	})

	client, _ := path.Join(bus, path.Options{})
	wire := client.To("server")
	wire.Send(ctx, "person", path.New("John Smith"))
	wire.Send(ctx, "address", path.New("Some Street, 123"))
	reply, err := wire.SendAndWait(ctx, "address.usa", path.New("Another Street, 123"))
	fmt.Println(reply.Data, err)
	// Output:
	// Message arrived PERSON John Smith person
	// Message arrived ADDRESS Some Street, 123 address
	// Message arrived ADDRESS Another Street, 123 address.usa
	// thank you <nil>
}
