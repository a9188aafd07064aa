package msgpack_test

import (
	"context"
	"fmt"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/codec/msgpack"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A client that asks for MessagePack, and a listener that need not know.
func Example() {
	ctx := context.Background()
	srv := sigrouter.NewServer()
	defer srv.Close()
	l, err := srv.Listen(ctx, "tcp://127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	type reading struct {
		Value float64 `json:"value"`
		Raw   []byte  `json:"raw"`
	}
	done := make(chan struct{})
	_, _ = srv.AddListener("thermo", "temperature", func(e sig.Event) {
		var r reading
		if err := e.Decode(&r); err != nil {
			panic(err)
		}
		fmt.Println(r.Value, r.Raw, e.Data)
		close(done)
	})

	o := router.ClientOptions{Schemes: sigrouter.Schemes(), Codecs: sigrouter.Codecs()}
	c, err := o.Dial(ctx, l.URL())
	if err != nil {
		panic(err)
	}
	defer c.Close()
	thermo, err := c.AddRemoteSender(ctx, "thermo", sig.Events("temperature"))
	if err != nil {
		panic(err)
	}
	s, _ := thermo.Signal("temperature")
	_ = s.Trigger(reading{21.5, []byte{1, 2, 3}})
	<-done
	fmt.Println(srv.Peers()[0].Codec)
	// Output:
	// 21.5 [1 2 3] {"value":21.5,"raw":"AQID"}
	// msgpack
}

// Integers stay what they are, and bytes are bytes.
func ExampleCodec() {
	c := msgpack.New()
	data, _ := c.Marshal(map[string]any{"n": uint64(1<<64 - 1)})
	fmt.Printf("%x\n", data)
	var v any
	_ = c.Unmarshal(data, &v)
	fmt.Println(v)
	text, _ := c.AppendJSON(nil, data)
	fmt.Println(string(text))
	// Output:
	// 81a16ecfffffffffffffffff
	// map[n:18446744073709551615]
	// {"n":18446744073709551615}
}
