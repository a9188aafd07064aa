//go:build unix

package network

import (
	"context"
	"io"
	"log"

	"github.com/gammazero/nexus/v3/client"
	"github.com/gammazero/nexus/v3/router"
	"github.com/gammazero/nexus/v3/transport/serialize"
	"github.com/gammazero/nexus/v3/wamp"
)

// Nexus is the WAMP router nexus with JSON. Its API takes values, so the payload is a
// map.
func Nexus() Peer {
	return Peer{Name: "nexus", Router: nexusRouter, Dial: nexusDial, Window: 1024, WindowMany: 256}
}

// NexusLocal is nexus with its local clients.
func NexusLocal() Peer {
	var r router.Router
	start := func(string, bool) (func(), error) {
		var err error
		if r, err = newNexus(); err != nil {
			return nil, err
		}
		return r.Close, serveNexus(r)
	}
	dial := func(string, string) (Client, error) {
		c, err := client.ConnectLocal(r, client.Config{Realm: "bench", Logger: quiet()})
		return nexusClient{c, wamp.Dict(payloadMap())}, err
	}
	return Peer{Name: "nexus, local clients", Router: start, Dial: dial, Window: 16, WindowMany: 16}
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func newNexus() (router.Router, error) {
	return router.NewRouter(&router.Config{RealmConfigs: []*router.RealmConfig{
		{URI: "bench", AnonymousAuth: true, AllowDisclose: true},
	}}, quiet())
}

// serveNexus has a client in the router's process answer.
func serveNexus(r router.Router) error {
	c, err := client.ConnectLocal(r, client.Config{Realm: "bench", Logger: quiet()})
	if err != nil {
		return err
	}
	return c.Register("bench.self", nexusEcho, nil)
}

func nexusRouter(addr string, idle bool) (func(), error) {
	r, err := newNexus()
	if err != nil {
		return nil, err
	}
	s := router.NewRawSocketServer(r)
	if !idle {
		s.OutQueueSize = 4096 // 64, its default, drops events of a burst
	}
	if _, err = s.ListenAndServe("tcp", addr); err != nil {
		return nil, err
	}
	return r.Close, serveNexus(r)
}

func nexusEcho(_ context.Context, in *wamp.Invocation) client.InvokeResult {
	return client.InvokeResult{Args: in.Arguments, Kwargs: in.ArgumentsKw}
}

type nexusClient struct {
	c  *client.Client
	kw wamp.Dict
}

func nexusDial(addr, _ string) (Client, error) {
	c, err := client.ConnectNet(context.Background(), "tcp://"+addr,
		client.Config{Realm: "bench", Serialization: serialize.JSON, Logger: quiet()})
	return nexusClient{c, wamp.Dict(payloadMap())}, err
}

func (n nexusClient) Call(routed bool, _ []byte) error {
	procedure := "bench.self"
	if routed {
		procedure = "bench.echo"
	}
	_, err := n.c.Call(context.Background(), procedure, nil, nil, n.kw, nil)
	return err
}

func (n nexusClient) Serve() error { return n.c.Register("bench.echo", nexusEcho, nil) }

func (n nexusClient) Publish([]byte) error {
	return n.c.Publish("plant.boiler1.tick", nil, nil, n.kw)
}

func (n nexusClient) Flush() error { return nil }
func (n nexusClient) Close() error { return n.c.Close() }

func (n nexusClient) Subscribe(fn func()) error {
	return n.c.Subscribe("plant.boiler1.tick", func(*wamp.Event) { fn() }, nil)
}
