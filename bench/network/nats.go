//go:build unix

package network

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// NATS is NATS core. Its server answers nothing itself; a client connected to it in
// process does.
func NATS() Peer { return natsPeer("NATS core", "nats://", natsTCP) }

// NATSWebSocket is NATS core with all clients connected by WebSocket.
func NATSWebSocket() Peer { return natsPeer("NATS core, WebSocket", "ws://", natsWebSocket) }

func natsPeer(name, scheme string, options func(port int) *server.Options) Peer {
	router := func(addr string, _ bool) (func(), error) {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		n, err := strconv.Atoi(port)
		if err != nil {
			return nil, err
		}
		_, stop, err := natsServer(options(n))
		return stop, err
	}
	dial := func(addr, _ string) (Client, error) { return natsConnect(scheme + addr) }
	return Peer{Name: name, Router: router, Dial: dial, Window: 131_072, WindowMany: 16_384}
}

// NATSInProcess is NATS core with its in-process connections.
func NATSInProcess() Peer {
	var s *server.Server
	router := func(string, bool) (stop func(), err error) {
		o := natsTCP(0)
		o.DontListen = true
		s, stop, err = natsServer(o)
		return stop, err
	}
	dial := func(string, string) (Client, error) { return natsConnect("", nats.InProcessServer(s)) }
	return Peer{Name: "NATS, in-process connections", Router: router, Dial: dial, Window: 131_072, WindowMany: 16_384}
}

func natsTCP(port int) *server.Options {
	return &server.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true, MaxPending: 256 << 20}
}

func natsWebSocket(port int) *server.Options {
	o := natsTCP(-1) // any
	o.Websocket = server.WebsocketOpts{Host: "127.0.0.1", Port: port, NoTLS: true}
	return o
}

func natsServer(o *server.Options) (*server.Server, func(), error) {
	s, err := server.NewServer(o)
	if err != nil {
		return nil, nil, err
	}
	go s.Start()
	if !s.ReadyForConnections(5 * time.Second) {
		return nil, nil, errors.New("not ready within 5 s")
	}
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		return nil, nil, err
	}
	if _, err = nc.Subscribe("self", func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
		return nil, nil, err
	}
	return s, s.Shutdown, nc.Flush()
}

type natsClient struct{ nc *nats.Conn }

func natsConnect(url string, options ...nats.Option) (Client, error) {
	nc, err := nats.Connect(url, append(options, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, e error) {
		fmt.Fprintln(os.Stderr, "nats:", e)
	}))...)
	return natsClient{nc}, err
}

func (c natsClient) Call(routed bool, p []byte) error {
	subject := "self"
	if routed {
		subject = "echo"
	}
	_, err := c.nc.Request(subject, p, 5*time.Second)
	return err
}

func (c natsClient) Serve() error {
	if _, err := c.nc.Subscribe("echo", func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
		return err
	}
	return c.nc.Flush()
}

func (c natsClient) Publish(p []byte) error { return c.nc.Publish("plant.boiler1.tick", p) }
func (c natsClient) Flush() error           { return c.nc.Flush() }

func (c natsClient) Close() error {
	c.nc.Close()
	return nil
}

func (c natsClient) Subscribe(fn func()) error {
	s, err := c.nc.Subscribe("plant.boiler1.tick", func(*nats.Msg) { fn() })
	if err != nil {
		return err
	}
	if err := s.SetPendingLimits(1<<20, 512<<20); err != nil {
		return err
	}
	return c.nc.Flush()
}
