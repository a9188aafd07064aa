// Another_timer adds a timer to the server of somebody else.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/sig"
)

func main() {
	url := flag.String("url", "tcp://localhost:3000", "where the router is")
	every := flag.Duration("every", 10*time.Second, "time between two tics")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	client, err := sigrouter.Dial(ctx, *url)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	timer, err := client.AddRemoteSender(ctx, "another_timer", sig.Events("tic"))
	if err != nil {
		log.Fatal(err)
	}
	tic, err := timer.Signal("tic")
	if err != nil {
		log.Fatal(err)
	}
	for {
		select {
		case <-time.After(*every):
			if err := tic.Trigger(nil); err != nil {
				log.Print(err)
			}
		case <-ctx.Done():
			return
		}
	}
}
