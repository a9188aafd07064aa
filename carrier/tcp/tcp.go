// Package tcp is the carrier over TCP: tcp://host:port.
package tcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/sock"
)

// DefaultPort is used by addresses that name none.
const DefaultPort = "3000"

// Scheme makes TCP connections. The zero value is ready for use.
type Scheme struct{}

// Schemes returns "tcp".
func (Scheme) Schemes() []string { return []string{"tcp"} }

// Dial connects to tcp://host:port.
func (Scheme) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	addr, err := address(u)
	if err != nil {
		return nil, err
	}
	c, err := sock.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return NewConn(c.(*net.TCPConn)), nil
}

// Check says what is wrong with an address.
func (Scheme) Check(u *url.URL) error {
	_, err := address(u)
	return err
}

// Listen waits for connections at tcp://host:port; port 0 picks a free one, an empty
// host means all addresses of the machine.
func (Scheme) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	addr, err := address(u)
	if err != nil {
		return nil, err
	}
	l, err := sock.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return NewListener(l), nil
}

// address returns host:port of a URL.
func address(u *url.URL) (string, error) {
	if _, err := carrier.Params(u); err != nil {
		return "", err
	}
	if u.Path != "" && u.Path != "/" || u.Opaque != "" {
		return "", fmt.Errorf("%s: a TCP address is tcp://host:port", u)
	}
	port := u.Port()
	if port == "" {
		port = DefaultPort
	}
	if err := sock.Check(u.Hostname(), port); err != nil {
		return "", fmt.Errorf("%s: %w", u, err)
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// NewConn makes a Conn of a TCP connection.
func NewConn(c *net.TCPConn) carrier.Conn {
	sock.SetUserTimeout(c)
	return carrier.NewStream(c, Info("tcp", c))
}

// Info describes a connection of the network.
func Info(name string, c net.Conn) carrier.Info {
	info := carrier.Info{Carrier: name, Local: c.LocalAddr().String(), Remote: c.RemoteAddr().String()}
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		info.Loopback = a.IP.IsLoopback()
	}
	return info
}

// NewListener makes a Listener of a TCP listener, one handed over by systemd for
// instance.
func NewListener(l net.Listener) carrier.Listener { return &listener{l} }

type listener struct{ net.Listener }

func (l *listener) Accept() (carrier.Conn, error) {
	c, err := l.Listener.Accept()
	if errors.Is(err, net.ErrClosed) {
		return nil, carrier.ErrClosed
	}
	if err != nil {
		return nil, err
	}
	return NewConn(c.(*net.TCPConn)), nil
}

func (l *listener) URL() string { return "tcp://" + l.Addr().String() }
