// Client says hello to the server, hears three tics and goes.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/sigrouter/sigrouter/examples/customcarrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:3090", "where the server is")
	flag.Parse()
	ctx := context.Background()
	l, err := net.Listen("tcp", "127.0.0.1:0") // the server's calls come in here
	if err != nil {
		log.Fatal(err)
	}
	h := &customcarrier.HTTP{URL: "http://" + l.Addr().String()}
	go http.Serve(l, h)
	client, err := router.ClientOptions{}.AttachCarrier(ctx, h, *url)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	greeter, err := client.AddRemoteSender(ctx, "greeter", sig.Events("hello"))
	if err != nil {
		log.Fatal(err)
	}
	hello, _ := greeter.Signal("hello") // declared above
	if err := hello.Trigger("good morning"); err != nil {
		log.Print(err)
	}
	heard := make(chan sig.Event)
	if _, err := client.AddRemoteListener(ctx, "timer", "tic", func(e sig.Event) { heard <- e }); err != nil {
		log.Fatal(err)
	}
	for range 3 {
		e := <-heard
		fmt.Println(e.Sender, e.Name)
	}
}
