// shoppingd is the daemon of Shopping. It was made from shopping.lmspc to begin with, and is yours to change.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/sigrouter/sigrouter"

	"github.com/sigrouter/sigrouter/idl/gen/testdata/golden/shopping"
)

// A server answers the applications. Several of its methods may run at once.
type server struct{}

var _ shopping.Server = (*server)(nil)

// NewList answers new_list.
func (s *server) NewList(ctx context.Context, items []string) (shopping.ShoppingList, error) {
	var result shopping.ShoppingList
	return result, errors.New("new_list is not written yet")
}

// GetItems answers get_items.
func (s *server) GetItems(ctx context.Context, list shopping.ShoppingList) ([]shopping.Item, error) {
	var result []shopping.Item
	return result, errors.New("get_items is not written yet")
}

// GetNames answers get_names.
func (s *server) GetNames(ctx context.Context, lists []shopping.ShoppingList) ([]string, error) {
	var result []string
	return result, errors.New("get_names is not written yet")
}

// Table answers table.
func (s *server) Table(ctx context.Context, start uint32) ([][]uint32, error) {
	var result [][]uint32
	return result, errors.New("table is not written yet")
}

// Everything answers everything.
func (s *server) Everything(ctx context.Context, a bool, b int8, cParam int16, dParam int32, e int64, f uint8, g uint16, h uint32, i uint64, j float32, k float64, l string, m []byte) (bool, error) {
	var result bool
	return result, errors.New("everything is not written yet")
}

// Fail answers fail.
func (s *server) Fail(ctx context.Context) error {
	return errors.New("fail is not written yet")
}

func main() {
	listen := flag.String("listen", "tcp://127.0.0.1:3000", "`address` to listen at, for instance "+shopping.SocketURL)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, address string) error {
	router := sigrouter.NewServer()
	defer router.Close()
	daemon, err := shopping.Serve(ctx, router, &server{})
	if err != nil {
		return err
	}
	defer daemon.Close()
	l, err := router.Listen(ctx, address)
	if err != nil {
		return err
	}
	log.Printf("Shopping is ready at %s", l.URL())

	// Here is the place for what the daemon does by itself. The applications are in
	// daemon.Applications(); daemon.TriggerTick and daemon.TriggerTickTo trigger an event for all of them or
	// for one.
	<-ctx.Done()
	return nil
}
