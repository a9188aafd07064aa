package api_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A Calculator is an ordinary Go type.
type Calculator struct{}

// Multiply multiplies two numbers.
func (Calculator) Multiply(a, b int) int { return a * b }

// Ping answers.
func (Calculator) Ping() string { return "pong!" }

func ExampleExpose() {
	ctx := context.Background()
	r := router.New()
	defer r.Close()
	_, err := api.Expose(r, "calc", Calculator{},
		api.About("A calculator."),
		api.Doc("Multiply", "Multiplies two numbers.", api.Param("a", "the one"), api.Param("b", "the other", api.Default(2))))
	if err != nil {
		fmt.Println(err)
	}

	fmt.Println(api.Call[string](ctx, r, "calc", "ping"))
	fmt.Println(api.Call[int](ctx, r, "calc", "multiply", 7, 6))
	fmt.Println(api.Call[int](ctx, r, "calc", "multiply", api.Named{"a": 7}))
	fmt.Println(api.Call[int](ctx, r, "calc", "multiply", "seven"))
	d, _ := api.Describe(ctx, r, "calc")
	for _, m := range d.Methods {
		fmt.Println(m.Usage(), m.Doc)
	}
	// Output:
	// pong! <nil>
	// 42 <nil>
	// 14 <nil>
	// 0 calc.multiply: a: "seven" does not fit; expected int64 (call it as multiply(a: int64, b: int64 = 2): int64)
	// multiply(a: int64, b: int64 = 2): int64 Multiplies two numbers.
	// ping(): string
}

func ExampleMethod() {
	type params struct {
		Text  string `json:"text" doc:"what to look for"`
		Order string `json:"order" choices:"name,age" default:"name"`
	}
	ctx := context.Background()
	r := router.New()
	defer r.Close()
	api.Serve(r, "people", api.Method("find", "Finds people.", func(_ context.Context, p params) ([]string, error) {
		return []string{p.Text + " by " + p.Order}, nil
	}))

	fmt.Println(api.Call[[]string](ctx, r, "people", "find", "Ada"))
	_, err := api.Call[[]string](ctx, r, "people", "find", api.Named{"text": "Ada", "order": "size"})
	fmt.Println(err, errors.Is(err, sig.ErrInvalid))
	// Output:
	// [Ada by name] <nil>
	// people.find: order: "size" does not fit; expected one of name, age (call it as find(text: string, order: string = name): *string) true
}

// OutOfStock is an error with something in it.
type OutOfStock struct {
	Item string `json:"item"`
}

// Error says it.
func (e *OutOfStock) Error() string { return e.Item + " is out of stock" }

func ExampleWithErrors() {
	ctx := context.Background()
	r := router.New()
	defer r.Close()
	shared := api.WithErrors(api.ErrorType[*OutOfStock]("out_of_stock")) // on both sides
	api.Serve(r, "shop", shared, api.Method("buy", "", func(_ context.Context, p struct{ Item string }) (api.None, error) {
		return api.None{}, &OutOfStock{p.Item}
	}))

	err := api.Do(ctx, api.With(r, shared), "shop", "buy", "tea")
	var oos *OutOfStock
	fmt.Println(errors.As(err, &oos), oos.Item)
	// Output: true tea
}

// A Visitor is what clients of the next example expose.
type Visitor struct{ name string }

// Touch is called by the server.
func (v Visitor) Touch() string { return v.name + " was touched" }

func ExampleNewClient() {
	ctx := context.Background()
	r := router.New() // a client elsewhere uses its own view of the server
	defer r.Close()
	api.Serve(r, "server", api.Method("ping", "", func(ctx context.Context, _ api.None) (string, error) {
		caller, ok := api.Caller(ctx)
		if !ok {
			return "", errors.New("who is there?")
		}
		return api.Ask[string](ctx, caller, "touch")
	}))

	c, _ := api.NewClient(r, "client", Visitor{"Ada"})
	fmt.Println(api.Ask[string](ctx, c.At("server"), "ping"))

	clients, _ := api.Watch(ctx, r, "client.*")
	defer clients.Close()
	for _, a := range api.AskAll[string](ctx, clients.Members(), "touch") {
		fmt.Println(a.Value, a.Err)
	}
	// Output:
	// Ada was touched <nil>
	// Ada was touched <nil>
}

// A Widget has a number.
type Widget struct{ num int }

// SetNumber sets it.
func (w *Widget) SetNumber(n int) { w.num = n }

// GetNumber returns it.
func (w *Widget) GetNumber() int { return w.num }

func ExampleExposeEach() {
	ctx := context.Background()
	r := router.New()
	defer r.Close()
	widgets, _ := api.ExposeEach(r, "demo", func(context.Context, *api.Instance) (*Widget, error) { return &Widget{}, nil })
	defer widgets.Close()

	demo := api.At(r, "demo")
	demo.Instance("widget_a").Call(ctx, "set_number", 123)
	for _, id := range []string{"widget_a", "widget_b"} {
		fmt.Println(api.Ask[int](ctx, demo.Instance(id), "get_number"))
	}
	// Output:
	// 123 <nil>
	// 0 <nil>
}
