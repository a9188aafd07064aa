// Browser is a router whose HTTP server also hands out a page. The page listens to
// everything, triggers an event of its own, and answers a request.
//
//	go run ./examples/browser                # then open http://127.0.0.1:3080
//	go run ./cmd/sig listen
//	go run ./cmd/sig trigger lamp on true
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/carrier/ws"
	js "github.com/sigrouter/sigrouter/clients/js"
	"github.com/sigrouter/sigrouter/sig"
)

//go:embed index.html
var page []byte

func main() {
	address := flag.String("http", "127.0.0.1:3080", "where to serve the page")
	router := flag.String("listen", "tcp://127.0.0.1:3000", "where other programs reach the router")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	srv := sigrouter.NewServer()
	if _, err := srv.Listen(ctx, *router); err != nil {
		log.Fatal(err)
	}
	sockets := ws.NewListener(ws.Options{}) // takes pages of this host and port, and no others
	go srv.Serve(sockets)
	mux := http.NewServeMux()
	mux.Handle("/sig", sockets)
	mux.Handle("/sig.js", http.FileServerFS(js.Files))
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { w.Write(page) })

	l, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", l.Addr())
	go http.Serve(l, mux)

	timer, err := srv.AddSender("timer", sig.Events("tic"))
	if err != nil {
		log.Fatal(err)
	}
	tic, _ := timer.Signal("tic") // declared above
	for every := time.Tick(time.Second); ctx.Err() == nil; {
		select {
		case t := <-every:
			tic.Trigger(t.Format(time.TimeOnly))
		case <-ctx.Done():
		}
	}
	drain, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := srv.Shutdown(drain); err != nil {
		log.Print(err)
	}
}
