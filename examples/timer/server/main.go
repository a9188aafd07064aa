// Server is a router that also has a timer.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/sig"
)

func main() {
	listen := flag.String("listen", "tcp://localhost:3000", "where other programs reach the router")
	every := flag.Duration("every", 10*time.Second, "time between two tics")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	srv := sigrouter.NewServer()
	timer, err := srv.AddSender("timer", sig.Events("tic"))
	if err != nil {
		log.Fatal(err)
	}
	tic, err := timer.Signal("tic")
	if err != nil {
		log.Fatal(err)
	}
	l, err := srv.Listen(ctx, *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening at", l.URL())
	for {
		select {
		case <-time.After(*every):
			_ = tic.Trigger(nil) // the sender is there until the server closes
		case <-ctx.Done():
			fmt.Println("stopping")
			if err := srv.Shutdown(context.Background()); err != nil {
				log.Print(err)
			}
			return
		}
	}
}
