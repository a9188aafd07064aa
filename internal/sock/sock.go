// Package sock sets up TCP sockets alike for all carriers that use them.
package sock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// UserTimeout ends a connection whose data nobody acknowledges.
const UserTimeout = 15 * time.Second

// KeepAlive finds out within 15 s that a peer which cannot be pinged has vanished.
func KeepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 2}
}

// Dial connects to addr.
func Dial(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: KeepAlive()}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err == nil {
		SetUserTimeout(c)
	}
	return c, err
}

// Listen listens at addr; scheme is for the error's text. What it accepts still needs
// SetUserTimeout.
func Listen(ctx context.Context, scheme, addr string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: KeepAlive()}
	l, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w: another program listens at %s; stop it, or choose another port, as in %s://127.0.0.1:0", err, addr, scheme)
	}
	return l, err
}

// Check says what is wrong with the host and the port of a URL; either may be "".
func Check(host, port string) error {
	if _, err := netip.ParseAddr(host); err != nil && strings.Contains(host, ":") {
		return fmt.Errorf("%s is no host", host)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil && port != "" {
		return fmt.Errorf("%s is no port; ports are 0 to 65535", port)
	}
	return nil
}

// SetUserTimeout applies UserTimeout to a TCP connection, where the system can.
func SetUserTimeout(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		setUserTimeout(t, UserTimeout)
	}
}
