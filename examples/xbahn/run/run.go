// Package run is what the programs of xbahn's samples have in common: listening, connecting,
// and an end by Ctrl-C.
package run

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

const defaultURL = "tcp://127.0.0.1:7050"

// Server listens at --url and runs until Ctrl-C. Before it does, setup adds what the
// server offers.
func Server(setup func(ctx context.Context, srv *router.ServerRouter) error) {
	url := flag.String("url", defaultURL, "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	srv := sigrouter.NewServer()
	if err := serve(ctx, srv, *url, setup); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, srv *router.ServerRouter, url string, setup func(context.Context, *router.ServerRouter) error) error {
	defer srv.Close()
	if err := setup(ctx, srv); err != nil {
		return err
	}
	if _, err := srv.Listen(ctx, url); err != nil {
		return err
	}
	fmt.Println("Server running!")
	<-ctx.Done()
	return nil
}

// Client connects to the server at --url and does what do says.
func Client(do func(ctx context.Context, server sig.Bus) error) {
	url := flag.String("url", defaultURL, "where the server is")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := sigrouter.Dial(ctx, *url)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := do(ctx, client.Remote()); err != nil {
		log.Fatal(err)
	}
}
