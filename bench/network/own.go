//go:build unix

package network

import (
	"context"
	"path/filepath"
	"sync/atomic"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// Own is this project's router, with signals acknowledged. With json, messages are text;
// otherwise they are in binary frames, as between any two peers of this library.
func Own(name string, json bool) Peer {
	return ownPeer(name, func(addr string) string { return "tcp://" + addr }, json)
}

// OwnWebSocket is Own by WebSocket.
func OwnWebSocket(name string, json bool) Peer {
	return ownPeer(name, func(addr string) string { return "ws://" + addr + "/sig" }, json)
}

// OwnUnix is Own over a Unix socket.
func OwnUnix(name string) Peer {
	p := ownPeer(name, func(addr string) string { return "unix://" + addr }, false)
	p.Addr = func(dir string) (string, func(), error) { return filepath.Join(dir, "sig.sock"), func() {}, nil }
	return p
}

func ownPeer(name string, url func(addr string) string, json bool) Peer {
	router := func(addr string, _ bool) (func(), error) {
		srv, err := ownServer(sigrouter.Schemes(), url(addr))
		if err != nil {
			return nil, err
		}
		return func() { _ = srv.Close() }, nil
	}
	dial := func(addr, _ string) (Client, error) { return ownDial(sigrouter.Schemes(), url(addr), json) }
	return Peer{Name: name, Own: true, Router: router, Dial: dial, Window: 16_384, WindowMany: 2048}
}

// OwnLocal is Own within one process.
func OwnLocal(name string) Peer {
	schemes := carrier.NewSchemes(local.NewNetwork())
	const url = "local://bench"
	router := func(string, bool) (func(), error) {
		srv, err := ownServer(schemes, url)
		if err != nil {
			return nil, err
		}
		return func() { _ = srv.Close() }, nil
	}
	dial := func(string, string) (Client, error) { return ownDial(schemes, url, false) }
	return Peer{Name: name, Own: true, Router: router, Dial: dial, Window: 16_384, WindowMany: 2048}
}

func ownServer(schemes carrier.Schemes, url string) (*router.ServerRouter, error) {
	// All connections come from one address and at once.
	limits := carrier.Limits{MaxConns: 20_000, MaxLogins: 20_000}
	srv := router.ServerOptions{Schemes: schemes, Limits: limits}.New()
	if _, err := srv.AddSender("self", sig.Answer("echo", ownEcho)); err != nil {
		return nil, err
	}
	_, err := srv.Listen(context.Background(), url)
	return srv, err
}

func ownEcho(_ context.Context, r sig.Request) (any, error) { return r.Params, nil }

type ownClient struct {
	c    *router.ClientRouter
	data *sig.Raw
	tick sig.Signal // nil before the first
	back atomic.Pointer[func()]
}

func ownDial(schemes carrier.Schemes, url string, json bool) (Client, error) {
	own := &ownClient{data: &sig.Raw{Codec: sig.JSON{}, Bytes: payload()}}
	o := router.ClientOptions{Schemes: schemes, TextOnly: json, OnState: own.state}
	var err error
	own.c, err = o.Dial(context.Background(), url)
	return own, err
}

func (o *ownClient) state(s router.State) {
	if back := o.back.Load(); s.Connected && back != nil {
		(*back)()
	}
}

// Register adds a sender and a listener. When the client tells of its connection after a
// cut, they are there again.
func (o *ownClient) Register(name string, back func()) error {
	if _, err := o.c.AddRemoteSender(context.Background(), name, sig.Events("tick")); err != nil {
		return err
	}
	_, err := o.c.AddRemoteListener(context.Background(), name, "tick", func(sig.Event) {})
	o.back.Store(&back)
	return err
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
func (o *ownClient) Close() error { return o.c.Close() }

func (o *ownClient) Subscribe(fn func()) error {
	_, err := o.c.AddRemoteListener(context.Background(), "plant.boiler1", "tick", func(sig.Event) { fn() })
	return err
}
