//go:build unix

package network

import (
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/pub"
	"go.nanomsg.org/mangos/v3/protocol/rep"
	"go.nanomsg.org/mangos/v3/protocol/req"
	"go.nanomsg.org/mangos/v3/protocol/sub"
	"go.nanomsg.org/mangos/v3/protocol/xpub"
	"go.nanomsg.org/mangos/v3/protocol/xrep"
	"go.nanomsg.org/mangos/v3/protocol/xreq"
	"go.nanomsg.org/mangos/v3/protocol/xsub"
	_ "go.nanomsg.org/mangos/v3/transport/inproc" // its way to be made known
)

// MangosInProcess is nanomsg in Go: its router is a device that forwards requests, another
// that forwards events, and a socket that answers.
func MangosInProcess() Peer {
	return Peer{Name: "mangos, inproc", Router: mangosRouter, Dial: mangosDial, Window: 4096, WindowMany: 2048}
}

// Addresses within the process.
const (
	mangosSelf      = "inproc://bench-self"
	mangosCallers   = "inproc://bench-callers"
	mangosResponder = "inproc://bench-responder"
	mangosIn        = "inproc://bench-in"
	mangosOut       = "inproc://bench-out"
)

const mangosQueue = 8192

func mangosRouter(string, bool) (func(), error) {
	var sockets []mangos.Socket
	stop := func() {
		for _, s := range sockets {
			_ = s.Close()
		}
	}
	listen := func(s mangos.Socket, err error, addr string) error {
		if err != nil {
			return err
		}
		sockets = append(sockets, s)
		return s.Listen(addr)
	}
	self, err := rep.NewSocket()
	if err := listen(self, err, mangosSelf); err != nil {
		return nil, err
	}
	if err := mangosAnswer(self); err != nil {
		return nil, err
	}
	front, err := xrep.NewSocket()
	if err := listen(front, err, mangosCallers); err != nil {
		return nil, err
	}
	back, err := xreq.NewSocket()
	if err := listen(back, err, mangosResponder); err != nil {
		return nil, err
	}
	in, err := xsub.NewSocket()
	if err := listen(in, err, mangosIn); err != nil {
		return nil, err
	}
	out, err := xpub.NewSocket()
	if err := listen(out, err, mangosOut); err != nil {
		return nil, err
	}
	for _, s := range sockets[1:] {
		_ = s.SetOption(mangos.OptionWriteQLen, mangosQueue) // those that have no such queue refuse
		_ = s.SetOption(mangos.OptionReadQLen, mangosQueue)
	}
	if err := mangos.Device(front, back); err != nil {
		return nil, err
	}
	return stop, mangos.Device(in, out)
}

// mangosAnswer answers on 64 contexts, so that requests do not wait in line.
func mangosAnswer(s mangos.Socket) error {
	for range 64 {
		c, err := s.OpenContext()
		if err != nil {
			return err
		}
		go func() {
			for {
				m, err := c.RecvMsg()
				if err != nil || c.SendMsg(m) != nil {
					return
				}
			}
		}()
	}
	return nil
}

type mangosClient struct {
	s        mangos.Socket
	contexts chan mangos.Context
}

func mangosDial(_, role string) (Client, error) {
	made := map[string]func() (mangos.Socket, error){
		caller: req.NewSocket, routedCaller: req.NewSocket, responder: rep.NewSocket, publisher: pub.NewSocket, subscriber: sub.NewSocket,
	}
	at := map[string]string{
		caller: mangosSelf, routedCaller: mangosCallers, responder: mangosResponder, publisher: mangosIn, subscriber: mangosOut,
	}
	s, err := made[role]()
	if err != nil {
		return nil, err
	}
	switch role {
	case publisher:
		err = s.SetOption(mangos.OptionWriteQLen, mangosQueue)
	case subscriber:
		err = s.SetOption(mangos.OptionReadQLen, mangosQueue)
	}
	if err != nil {
		return nil, err
	}
	if err := s.Dial(at[role]); err != nil {
		return nil, err
	}
	c := &mangosClient{s: s, contexts: make(chan mangos.Context, 64)}
	for range 64 {
		if role != caller && role != routedCaller {
			break
		}
		x, err := s.OpenContext()
		if err != nil {
			return nil, err
		}
		c.contexts <- x
	}
	time.Sleep(50 * time.Millisecond) // there is no other way to know that it is connected
	return c, nil
}

func (c *mangosClient) Call(_ bool, p []byte) error {
	x := <-c.contexts
	defer func() { c.contexts <- x }()
	if err := x.Send(p); err != nil {
		return err
	}
	m, err := x.RecvMsg()
	if err == nil {
		m.Free()
	}
	return err
}

func (c *mangosClient) Serve() error           { return mangosAnswer(c.s) }
func (c *mangosClient) Publish(p []byte) error { return c.s.Send(p) }
func (c *mangosClient) Flush() error           { return nil }
func (c *mangosClient) Close() error           { return c.s.Close() }

func (c *mangosClient) Subscribe(fn func()) error {
	if err := c.s.SetOption(mangos.OptionSubscribe, []byte{}); err != nil {
		return err
	}
	go func() {
		for {
			m, err := c.s.RecvMsg()
			if err != nil {
				return
			}
			m.Free()
			fn()
		}
	}()
	return nil
}
