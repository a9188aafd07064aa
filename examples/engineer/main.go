// Engineer is the example of xbahn's engineer: a server whose commands, arguments, options
// and help texts reach the command line by themselves. In two shells:
//
//	go run ./examples/engineer
//	go run ./cmd/sig call --url tcp://127.0.0.1:7050 --help
//	go run ./cmd/sig call --url tcp://127.0.0.1:7050 engineer --help
//	go run ./cmd/sig call --url tcp://127.0.0.1:7050 engineer do_something "say hello"
//	go run ./cmd/sig call --url tcp://127.0.0.1:7050 engineer show --extra
//	go run ./cmd/sig shell --url tcp://127.0.0.1:7050 engineer
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/api"
)

// An Engineer is what the command line may do.
type Engineer struct{ status string }

// Status tells how the server is.
func (e *Engineer) Status() string { return e.status }

// DoSomething does what it is told.
func (e *Engineer) DoSomething(what string) string { return "did " + what }

// Show shows what there is.
func (e *Engineer) Show(extra bool) []string {
	shown := []string{"Basic"}
	if extra {
		shown = append(shown, "Extra!!")
	}
	return shown
}

func main() {
	listen := flag.String("listen", "tcp://127.0.0.1:7050", "address to listen at")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, *listen); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, address string) error {
	srv := sigrouter.NewServer()
	defer srv.Close()
	_, err := api.Expose(srv, "engineer", &Engineer{status: "ok"},
		api.About("run an action on this server"),
		api.Doc("DoSomething", "Do the task specified in WHAT", api.Param("what", "the task")),
		api.Doc("Show", "", api.Param("extra", "include extra info", api.Default(false))))
	if err != nil {
		return err
	}
	l, err := srv.Listen(ctx, address)
	if err != nil {
		return err
	}
	fmt.Println("Server running at", l.URL())
	<-ctx.Done()
	return nil
}
