package local_test

import (
	"context"
	"fmt"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A server and a client of one process. For tests see package routertest, which does this.
func ExampleNetwork() {
	schemes := carrier.NewSchemes(local.NewNetwork()) // the same for both
	srv := router.ServerOptions{Schemes: schemes}.New()
	defer srv.Close()
	if _, err := srv.Listen(context.Background(), "local://router"); err != nil {
		fmt.Println(err)
		return
	}
	client, err := router.ClientOptions{Schemes: schemes}.Dial(context.Background(), "local://router")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	_, _ = srv.AddSender("clock", sig.Answer("hour", func(context.Context, sig.Request) (any, error) { return 12, nil }))
	fmt.Println(sig.Ask[int](context.Background(), client.Remote(), "clock", "hour", nil))
	// Output:
	// 12 <nil>
}

func ExamplePair() {
	a, b := local.Pair()
	defer b.Close()
	go func() {
		_ = a.Send([]byte(`{"id":1,"method":"get_version"}`))
		_ = a.Close()
	}()
	frame, err := b.Recv()
	fmt.Println(string(frame), err)
	_, err = b.Recv()
	fmt.Println(err)
	// Output:
	// {"id":1,"method":"get_version"} <nil>
	// EOF
}
