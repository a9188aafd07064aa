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
func NATS() Peer {
	return Peer{Name: "NATS core", Router: natsRouter, Dial: natsDial, Window: 131_072, WindowMany: 16_384}
}

func natsRouter(addr string, _ bool) (func(), error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: n, NoLog: true, NoSigs: true, MaxPending: 256 << 20})
	if err != nil {
		return nil, err
	}
	go s.Start()
	if !s.ReadyForConnections(5 * time.Second) {
		return nil, errors.New("not ready within 5 s")
	}
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		return nil, err
	}
	if _, err = nc.Subscribe("self", func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
		return nil, err
	}
	return s.Shutdown, nc.Flush()
}

type natsClient struct{ nc *nats.Conn }

func natsDial(addr string) (Client, error) {
	nc, err := nats.Connect("nats://"+addr, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, e error) {
		fmt.Fprintln(os.Stderr, "nats:", e)
	}))
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
