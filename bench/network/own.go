//go:build unix

package network

import (
	"context"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// Own is this project's router, with signals acknowledged. With json, messages are text;
// otherwise they are in binary frames, as between any two peers of this library.
func Own(name string, json bool) Peer {
	dial := func(addr string) (Client, error) { return ownDial(addr, json) }
	return Peer{Name: name, Own: true, Router: ownRouter, Dial: dial, Window: 16_384, WindowMany: 2048}
}

func ownRouter(addr string, _ bool) (func(), error) {
	srv := sigrouter.NewServer()
	if _, err := srv.AddSender("self", sig.Answer("echo", ownEcho)); err != nil {
		return nil, err
	}
	_, err := srv.Listen(context.Background(), "tcp://"+addr)
	return func() { _ = srv.Close() }, err
}

func ownEcho(_ context.Context, r sig.Request) (any, error) { return r.Params, nil }

type ownClient struct {
	c    *router.ClientRouter
	data *sig.Raw
	tick sig.Signal // nil before the first
}

func ownDial(addr string, json bool) (Client, error) {
	o := router.ClientOptions{Schemes: sigrouter.Schemes(), TextOnly: json}
	c, err := o.Dial(context.Background(), "tcp://"+addr)
	return &ownClient{c: c, data: &sig.Raw{Codec: sig.JSON{}, Bytes: payload()}}, err
}

func (o *ownClient) Call(routed bool, _ []byte) error {
	sender := "self"
	if routed {
		sender = "echo"
	}
	_, err := o.c.RemoteRequest(context.Background(), sender, "echo", o.data)
	return err
}

func (o *ownClient) Serve() error {
	_, err := o.c.AddRemoteSender(context.Background(), "echo", sig.Answer("echo", ownEcho))
	return err
}

func (o *ownClient) Publish([]byte) error {
	if o.tick == nil {
		s, err := o.c.AddRemoteSender(context.Background(), "plant.boiler1", sig.Events("tick"))
		if err != nil {
			return err
		}
		if o.tick, err = s.Signal("tick"); err != nil {
			return err
		}
	}
	return o.tick.Trigger(o.data)
}

func (o *ownClient) Flush() error { return nil }

func (o *ownClient) Subscribe(fn func()) error {
	_, err := o.c.AddRemoteListener(context.Background(), "plant.boiler1", "tick", func(sig.Event) { fn() })
	return err
}
