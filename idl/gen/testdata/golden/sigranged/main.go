// sigranged is the daemon of Range. It was made from clash.lmspc to begin with, and is yours to change.
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

	"github.com/sigrouter/sigrouter/idl/gen/testdata/golden/sigrange"
)

// A server answers the applications. Several of its methods may run at once.
type server struct{}

var _ sigrange.Server = (*server)(nil)

// CallClose answers close.
func (s *server) CallClose(ctx context.Context) error {
	return errors.New("close is not written yet")
}

// CallClose2 answers Close.
func (s *server) CallClose2(ctx context.Context) error {
	return errors.New("Close is not written yet")
}

// CallName answers name.
func (s *server) CallName(ctx context.Context) (string, error) {
	var result string
	return result, errors.New("name is not written yet")
}

// GetA answers get_a.
func (s *server) GetA(ctx context.Context, a int8) (int8, error) {
	var result int8
	return result, errors.New("get_a is not written yet")
}

// CallGetA answers getA.
func (s *server) CallGetA(ctx context.Context, a int8) (int8, error) {
	var result int8
	return result, errors.New("getA is not written yet")
}

// Connect answers connect.
func (s *server) Connect(ctx context.Context, ctxParam string, cParam string, pParam string, errParam string, typeParam string, funcParam string, this string, apiParam string) (sigrange.ClientModel, error) {
	var result sigrange.ClientModel
	return result, errors.New("connect is not written yet")
}

// String answers string.
func (s *server) String(ctx context.Context, string string, error bool, nil int8, int8 int8, len []string) ([]sigrange.ServerModel, error) {
	var result []sigrange.ServerModel
	return result, errors.New("string is not written yet")
}

// StringParams answers string_params.
func (s *server) StringParams(ctx context.Context, stringParams string) (sigrange.Object, error) {
	var result sigrange.Object
	return result, errors.New("string_params is not written yet")
}

// OnA answers on_a.
func (s *server) OnA(ctx context.Context) (sigrange.ToString, error) {
	var result sigrange.ToString
	return result, errors.New("on_a is not written yet")
}

// Constructor answers constructor.
func (s *server) Constructor(ctx context.Context) (sigrange.DaemonEnum, error) {
	var result sigrange.DaemonEnum
	return result, errors.New("constructor is not written yet")
}

// HTTPServer2URL answers HTTPServer2URL.
func (s *server) HTTPServer2URL(ctx context.Context, aB string, aBParam string) (sigrange.NewClient, error) {
	var result sigrange.NewClient
	return result, errors.New("HTTPServer2URL is not written yet")
}

func main() {
	listen := flag.String("listen", "tcp://127.0.0.1:3000", "`address` to listen at, for instance "+sigrange.SocketURL)
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
	daemon, err := sigrange.Serve(ctx, router, &server{})
	if err != nil {
		return err
	}
	defer daemon.Close()
	l, err := router.Listen(ctx, address)
	if err != nil {
		return err
	}
	log.Printf("Range is ready at %s", l.URL())

	// Here is the place for what the daemon does by itself. The applications are in
	// daemon.Applications(); daemon.TriggerA and daemon.TriggerATo trigger an event for all of them or
	// for one.
	<-ctx.Done()
	return nil
}
