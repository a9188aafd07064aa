// Server is a router with a timer, reached by HTTP alone.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/sigrouter/sigrouter/examples/customcarrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:3090", "where the web server is to be")
	every := flag.Duration("every", time.Second, "time between two tics")
	flag.Parse()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	h := &customcarrier.HTTP{URL: "http://" + l.Addr().String()}
	srv := router.NewServer()
	if err := srv.AttachCarrier(h); err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening at", h.URL)
	timer, err := srv.AddSender("timer", sig.Events("tic"))
	if err != nil {
		log.Fatal(err)
	}
	tic, _ := timer.Signal("tic") // declared above
	go func() {
		for n := 1; ; n++ {
			time.Sleep(*every)
			_ = tic.Trigger(n)
		}
	}()
	if _, err := srv.AddListener(sig.Any, sig.Disconnect, func(e sig.Event) { fmt.Println(e.Sender, "has gone") }); err != nil {
		log.Fatal(err)
	}
	if _, err := srv.AddListener("greeter", "hello", func(e sig.Event) { fmt.Println(e.Sender, "says", e.Data) }); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(l, h))
}
