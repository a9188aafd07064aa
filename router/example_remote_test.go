package router_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/carrier/tcp"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// quiet keeps the log out of examples.
var quiet = router.Options{Logger: slog.New(slog.DiscardHandler)}

// memory is a network inside this process, for examples and tests.
func memory() carrier.Schemes { return carrier.NewSchemes(local.NewNetwork()) }

// A server links the carriers that its Schemes name, and no others. Package sigrouter has
// one with all of them.
func ExampleServerRouter_Listen() {
	schemes := carrier.NewSchemes(tcp.Scheme{})
	srv := router.ServerOptions{Options: quiet, Schemes: schemes}.New()
	defer srv.Close()
	l, err := srv.Listen(context.Background(), "tcp://127.0.0.1:0") // a free port
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.HasPrefix(l.URL(), "tcp://127.0.0.1:"), !strings.HasSuffix(l.URL(), ":0"))
	_, err = srv.Listen(context.Background(), "tcp://127.0.0.1:sesame")
	fmt.Println(err != nil)
	// Output:
	// true true
	// true
}

// served is a server in memory and a client of it.
func served() (*router.ServerRouter, *router.ClientRouter) {
	schemes := memory()
	srv := router.ServerOptions{Options: quiet, Schemes: schemes}.New()
	if _, err := srv.Listen(context.Background(), "local://router"); err != nil {
		panic(err)
	}
	client, err := router.ClientOptions{Options: quiet, Schemes: schemes, Name: "ana"}.Dial(context.Background(), "local://router")
	if err != nil {
		panic(err)
	}
	return srv, client
}

func ExampleClientRouter_AddRemoteListener() {
	srv, client := served()
	defer srv.Close()
	defer client.Close()

	heard := make(chan string)
	sub, err := client.AddRemoteListener(context.Background(), "timer", "tic", func(e sig.Event) {
		var n int
		err := e.Decode(&n) // what came over a carrier is still encoded
		heard <- fmt.Sprint(e.Sender, " ", e.Name, " ", n, " ", err)
	})
	fmt.Println("error:", err)
	timer, _ := srv.AddSender("timer", sig.Events("tic")) // may come later
	tic, _ := timer.Signal("tic")
	_ = tic.Trigger(42)
	fmt.Println(<-heard)
	sub.Remove()
	// Output:
	// error: <nil>
	// timer tic 42 <nil>
}

func ExampleClientRouter_AddRemoteSender() {
	srv, client := served()
	defer srv.Close()
	defer client.Close()

	heard := make(chan sig.Event)
	_, _ = srv.AddListener("door", "opened", func(e sig.Event) { heard <- e })
	door, err := client.AddRemoteSender(context.Background(), "door", sig.Events("opened"))
	fmt.Println("error:", err)
	opened, _ := door.Signal("opened")
	_ = opened.Trigger(map[string]string{"by": "ana"}) // does not wait for the server
	fmt.Println((<-heard).Data)

	_, err = srv.AddSender("door", sig.Events("opened"))
	fmt.Println("error:", err)
	// Output:
	// error: <nil>
	// {"by":"ana"}
	// error: sender "door" is already connected; a name has one holder at a time
}

func ExampleClientRouter_RemoteRequest() {
	srv, client := served()
	defer srv.Close()
	defer client.Close()
	_, _ = srv.AddSender("calculator", sig.Answer("divide", sig.Handle(func(_ context.Context, p struct{ A, B int }) (int, error) {
		if p.B == 0 {
			return 0, fmt.Errorf("cannot divide by zero")
		}
		return p.A / p.B, nil
	})))

	ctx := context.Background()
	resp, err := client.RemoteRequest(ctx, "calculator", "divide", map[string]int{"A": 42, "B": 6})
	fmt.Println(resp.Data, err)
	_, err = client.RemoteRequest(ctx, "calculator", "divide", map[string]int{"A": 42, "B": 0})
	fmt.Println(err)
	_, err = client.RemoteRequest(ctx, "calculator", "multiply", nil)
	fmt.Println(err)
	// Output:
	// 7 <nil>
	// cannot divide by zero
	// sender "calculator" has no method "multiply"; it has divide
}

// A function that takes a sig.Bus works near and far.
func ExampleClientRouter_Remote() {
	srv, client := served()
	defer srv.Close()
	defer client.Close()
	announce := func(bus sig.Bus, name string) error {
		_, err := bus.AddSender(name, sig.Events("news"))
		return err
	}
	fmt.Println(announce(srv, "here"))            // in the server's process
	fmt.Println(announce(client.Remote(), "far")) // at the server, from a client
	list, _ := srv.Senders(context.Background())
	for _, s := range list {
		if s.Name != nil {
			fmt.Println(*s.Name, s.Events)
		}
	}
	// Output:
	// <nil>
	// <nil>
	// far [news]
	// here [news]
}

// The client says when its connection comes and goes. What is triggered meanwhile waits,
// and arrives.
func ExampleClientOptions() {
	schemes := memory()
	srv := router.ServerOptions{Options: quiet, Schemes: schemes}.New()
	_, _ = srv.Listen(context.Background(), "local://router")
	states := make(chan router.State, 10)
	client, err := router.ClientOptions{
		Options: quiet, Schemes: schemes,
		OnState: func(s router.State) { states <- s },
	}.Dial(context.Background(), "local://router")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println("connected:", (<-states).Connected)
	door, _ := client.AddRemoteSender(context.Background(), "door", sig.Events("opened"))
	opened, _ := door.Signal("opened")

	_ = srv.Close()
	fmt.Println("connected:", (<-states).Connected)
	fmt.Println("error:", opened.Trigger("while nobody was there"))

	again := router.ServerOptions{Options: quiet, Schemes: schemes}.New()
	defer again.Close()
	heard := make(chan sig.Event)
	_, _ = again.AddListener("door", "opened", func(e sig.Event) { heard <- e })
	_, _ = again.Listen(context.Background(), "local://router")
	fmt.Println((<-heard).Data)
	// Output:
	// connected: true
	// connected: false
	// error: <nil>
	// "while nobody was there"
}

// Who may log in, and what they may do, can be changed while clients are connected.
func ExampleServerRouter_SetLogin() {
	token, hash := auth.NewToken()
	login := func(rules string) auth.Authenticator {
		line, _ := auth.TokenLine("ana", hash, "operator")
		f, err := auth.Parse("rules", strings.NewReader(line+"\n"+rules))
		if err != nil {
			fmt.Println(err)
		}
		return f
	}
	schemes := memory()
	srv := router.ServerOptions{Options: quiet, Schemes: schemes, Login: login("allow operator any >")}.New()
	defer srv.Close()
	_, _ = srv.Listen(context.Background(), "local://router")
	_, _ = srv.AddSender("pump", sig.Answer("stop", func(context.Context, sig.Request) (any, error) { return "stopped", nil }))

	ctx := context.Background()
	_, err := router.ClientOptions{Options: quiet, Schemes: schemes}.Dial(ctx, "local://router")
	fmt.Println("without a token:", err != nil)
	client, err := router.ClientOptions{Options: quiet, Schemes: schemes, Token: token}.Dial(ctx, "local://router")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	resp, err := client.RemoteRequest(ctx, "pump", "stop", nil)
	fmt.Println(resp.Data, err)
	srv.SetLogin(login("allow operator listen >"))
	_, err = client.RemoteRequest(ctx, "pump", "stop", nil)
	fmt.Println(err)
	// Output:
	// without a token: true
	// "stopped" <nil>
	// not permitted to request method "stop" of sender "pump"
}

// Shutdown ends a server in order: what was accepted is delivered first.
func ExampleServerRouter_Shutdown() {
	srv, client := served()
	heard := 0
	_, _ = client.AddRemoteListener(context.Background(), "timer", "tic", func(sig.Event) { heard++ })
	timer, _ := srv.AddSender("timer", sig.Events("tic"))
	tic, _ := timer.Signal("tic")
	for range 1000 {
		_ = tic.Trigger(nil)
	}
	fmt.Println("error:", srv.Shutdown(context.Background()))
	_ = client.Close() // its listeners have ended
	fmt.Println(heard)
	// Output:
	// error: <nil>
	// 1000
}
