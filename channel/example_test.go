package channel_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sigrouter/sigrouter/channel"
	"github.com/sigrouter/sigrouter/router"
)

func Example() {
	ctx := context.Background()
	r := router.New()
	defer r.Close()
	ana, _ := channel.Join(ctx, r, channel.Options{Name: "ana"})
	defer ana.Close()
	bob, _ := channel.Join(ctx, r, channel.Options{Name: "bob"})
	defer bob.Close()

	type pair struct{ Name, Text string }
	channel.Subscribe(ctx, bob, "chat", "string pair", func(m channel.Message[pair]) {
		fmt.Printf("%s: %s\n", m.Data.Name, m.Data.Text)
	})
	pub, _ := channel.NewPublisher[pair](ctx, ana, "chat", "string pair")
	pub.Publish(pair{"Ana", "hello"})

	_, err := channel.NewPublisher[int](ctx, bob, "chat", "int")
	fmt.Println(errors.Is(err, channel.ErrType), err)
	// Output:
	// Ana: hello
	// true channel "chat" carries "string pair", not "int": give it that type, or take another channel
}

// A camera that films only while somebody looks.
func ExampleOnSubscribers() {
	ctx := context.Background()
	r := router.New()
	defer r.Close()
	p, _ := channel.Join(ctx, r, channel.Options{})
	defer p.Close()

	channel.NewPublisher[[]byte](ctx, p, "frames", "jpeg", channel.OnSubscribers(func(n int) {
		fmt.Println("filming:", n > 0)
	}))
	screen, _ := channel.Subscribe(ctx, p, "frames", "jpeg", func(channel.Message[[]byte]) {})
	screen.Close()
	// Output:
	// filming: false
	// filming: true
	// filming: false
}

func ExampleMessages() {
	ctx := context.Background()
	r := router.New()
	defer r.Close()
	p, _ := channel.Join(ctx, r, channel.Options{})
	defer p.Close()
	channel.Static(ctx, p, "greeting", "text", "hello")

	for m, err := range channel.Messages[string](ctx, p, "greeting", "text") {
		fmt.Println(m.Data, m.Retained, err)
		break
	}
	// Output: hello true <nil>
}

func ExampleWriter() {
	var w channel.Writer
	w.String("Ana")
	w.Int(42)

	r := channel.NewReader(w.Bytes())
	name, age := r.String(), r.Int()
	if err := r.End(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(name, age)
	// Output: Ana 42
}
