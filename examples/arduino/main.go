// Arduino is a router with a board at its serial port. It prints what the board measures,
// and switches the board's lamp on while it is warm.
//
//	go run ./examples/arduino -port 'serial:///dev/ttyACM0'
//	go run ./examples/arduino -port 'serial:///dev/ttyACM0?sender=thermo&event=temperature'   # plain.ino
//	go run ./cmd/sig listen thermo          # in another window, as long as it runs
//
// The first is for thermo/thermo.ino, the second for plain/plain.ino.
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
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

func main() {
	port := flag.String("port", "serial:///dev/ttyACM0", "where the board is; see docs/carriers.md")
	network := flag.String("listen", "tcp://127.0.0.1:3000", "where other programs reach the router")
	warm := flag.Float64("warm", 25, "degrees from which the lamp is on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	srv := sigrouter.NewServer()
	for _, address := range []string{*port, *network} {
		if _, err := srv.Listen(ctx, address); err != nil {
			log.Fatal(err)
		}
	}
	if err := watch(ctx, srv, *warm); err != nil {
		log.Fatal(err)
	}
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = srv.Shutdown(end) // the board will not mind
}

// watch prints temperatures and switches the lamp, from now on.
func watch(ctx context.Context, srv *router.ServerRouter, warm float64) error {
	lamp := make(chan bool, 1)
	_, err := srv.AddListener("thermo", "temperature", func(e sig.Event) {
		celsius, err := sig.As[float64](e.Data)
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Printf("%.1f °C\n", celsius)
		select {
		case lamp <- celsius >= warm:
		default: // the board is still busy with the last one
		}
	})
	if err != nil {
		return err
	}
	_, err = srv.AddListener("thermo", sig.Disconnect, func(sig.Event) { fmt.Println("the board has gone") })
	if err != nil {
		return err
	}
	go func() { // until the program ends
		for {
			select {
			case on := <-lamp:
				if _, err := srv.Request(ctx, "thermo", "lamp", on); err != nil {
					log.Print(err)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return nil
}
