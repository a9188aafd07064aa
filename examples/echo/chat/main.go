// Chat shows what everybody writes to everybody. It ends with its input, or by Ctrl-C.
//
//	go run ./cmd/sig serve --listen unix:/tmp/chat &
//	go run ./examples/echo/chat /tmp/chat              # in several shells
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/channel"
)

// A Pair is what the channel carries.
type Pair struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("Missing socket: chat /tmp/chat, where sig serve --listen unix:/tmp/chat runs")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := chat(ctx, stop, os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func chat(ctx context.Context, stop func(), socket string) error {
	client, err := sigrouter.Dial(ctx, "unix:"+socket)
	if err != nil {
		return err
	}
	defer client.Close()
	party, err := channel.Join(ctx, client.Remote(), channel.Options{Loop: true})
	if err != nil {
		return err
	}
	defer party.Close()

	fmt.Print("Please enter your name:")
	in := bufio.NewScanner(os.Stdin)
	in.Scan()
	name := in.Text()

	if _, err := channel.Subscribe(ctx, party, "chat", "string pair", message); err != nil {
		return err
	}
	pub, err := channel.NewPublisher[Pair](ctx, party, "chat", "string pair", channel.OnSubscribers(count))
	if err != nil {
		return err
	}
	go write(in, pub, name, stop)
	for ctx.Err() == nil && party.Wait(10*time.Millisecond) {
	}
	return nil
}

// message is called by Wait.
func message(m channel.Message[Pair]) {
	fmt.Println(m.Data.Name + ": " + m.Data.Message)
}

func count(n int) { fmt.Fprintf(os.Stderr, "(%d listening)\n", n) }

// write publishes what the user enters, and ends the program with it.
func write(in *bufio.Scanner, pub *channel.Publisher[Pair], name string, stop func()) {
	defer stop()
	for in.Scan() {
		if err := pub.Publish(Pair{name, in.Text()}); err != nil {
			log.Print(err)
			return
		}
	}
}
