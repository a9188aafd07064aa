//go:build unix

package network

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
)

// Raw is what events cost with no router at all: whatever the publisher's socket has is
// copied to each subscriber's. It answers nothing.
func Raw() Peer {
	return Peer{Name: "raw sockets", Router: rawRouter, Dial: rawDial, Window: 16_384, WindowMany: 2048}
}

func rawRouter(addr string, _ bool) (func(), error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var all []net.Conn
	serve := func(c net.Conn) {
		var role [1]byte
		if _, err := io.ReadFull(c, role[:]); err != nil {
			return
		}
		if role[0] == subscriber[0] {
			mu.Lock()
			all = append(all, c)
			mu.Unlock()
			_, _ = c.Write([]byte{'k'})
			return
		}
		buf := make([]byte, 64<<10)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			mu.Lock()
			to := all
			mu.Unlock()
			for _, s := range to {
				if _, err := s.Write(buf[:n]); err != nil {
					return
				}
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return func() { _ = l.Close() }, nil
}

type rawClient struct {
	net.Conn
	w *bufio.Writer
}

func rawDial(addr, role string) (Client, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if _, err := c.Write([]byte{role[0]}); err != nil {
		return nil, err
	}
	return rawClient{c, bufio.NewWriterSize(c, 32<<10)}, nil
}

func (rawClient) Call(bool, []byte) error { return errors.New("raw sockets answer nothing") }
func (rawClient) Serve() error            { return errors.New("raw sockets answer nothing") }

func (r rawClient) Publish(p []byte) error {
	_, err := r.w.Write(p)
	return err
}

func (r rawClient) Flush() error { return r.w.Flush() }

func (r rawClient) Subscribe(fn func()) error {
	var ok [1]byte
	if _, err := io.ReadFull(r.Conn, ok[:]); err != nil {
		return err
	}
	go func() {
		buf := make([]byte, 64<<10)
		size := len(payload())
		for rest := 0; ; {
			n, err := r.Conn.Read(buf)
			if err != nil {
				return
			}
			for rest += n; rest >= size; rest -= size {
				fn()
			}
		}
	}()
	return nil
}
