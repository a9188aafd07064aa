// Listener prints the tics of both timers. That one of them is not there yet is no matter.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/sig"
)

func main() {
	url := flag.String("url", "tcp://localhost:3000", "where the router is")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	client, err := sigrouter.Dial(ctx, *url)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for _, name := range []string{"timer", "another_timer"} {
		if _, err := client.AddRemoteListener(ctx, name, "tic", hear); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("listening")
	<-ctx.Done()
}

func hear(e sig.Event) {
	fmt.Printf("'%s' received from '%s' (data: %v)\n", e.Name, e.Sender, e.Data)
}
