// A router that is found by its name, and a program that finds it.
//
//	go run ./example -name kitchen          # a router that ticks once a second
//	go run ./example -find kitchen          # on another machine: prints what it hears
//	go run ./example -list                  # which routers there are
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"time"

	"github.com/sigrouter/sigrouter"
	sigmdns "github.com/sigrouter/sigrouter/contrib/mdns"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

func main() {
	name := flag.String("name", "", "run a router of this name")
	find := flag.String("find", "", "listen to the router of this name")
	list := flag.Bool("list", false, "list the routers there are")
	at := flag.String("interface", "", "network interface; lo to try it on one machine")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *name, *find, *list, *at); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, name, find string, list bool, at string) (err error) {
	var iface *net.Interface
	if at != "" {
		if iface, err = net.InterfaceByName(at); err != nil {
			return err
		}
	}
	schemes := sigrouter.Schemes()
	mdns := sigmdns.Scheme{Through: schemes, Interface: iface}
	schemes["mdns"] = mdns
	switch {
	case list:
		found, err := mdns.Search(ctx)
		for _, f := range found {
			fmt.Println(f.Name, f.URLs)
		}
		return err
	case find != "":
		c, err := router.ClientOptions{Schemes: schemes}.Dial(ctx, "mdns://"+find)
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.AddRemoteListener(ctx, sig.Any, sig.Any, func(e sig.Event) { fmt.Println(e.Sender, e.Name) }); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	case name != "":
		return serve(ctx, name, iface)
	}
	flag.Usage()
	return nil
}

// serve runs a router that has a timer. Everybody on the network can reach it.
func serve(ctx context.Context, name string, iface *net.Interface) error {
	srv := sigrouter.NewServer()
	defer srv.Close()
	l, err := srv.Listen(ctx, "tcp://0.0.0.0:0")
	if err != nil {
		return err
	}
	ad, err := sigmdns.Advert{Name: name, Interface: iface}.Start(l.URL())
	if err != nil {
		return err
	}
	defer ad.Close()
	timer, err := srv.AddSender("timer", sig.Events("tic"))
	if err != nil {
		return err
	}
	tic, err := timer.Signal("tic")
	if err != nil {
		return err
	}
	fmt.Println("a router", name, "at", l.URL())
	for n := 1; ctx.Err() == nil; n++ {
		if err := tic.Trigger(n); err != nil {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
	return nil
}
