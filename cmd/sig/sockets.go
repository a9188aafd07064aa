package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/tcp"
	"github.com/sigrouter/sigrouter/carrier/tls"
	"github.com/sigrouter/sigrouter/carrier/unix"
	"github.com/sigrouter/sigrouter/internal/sock"
)

// A handover is an address such as systemd:NAME or fd:3: sockets at which somebody else has
// begun to listen, and which the router takes over.
type handover struct {
	address string
	name    string // systemd:NAME
	fd      int    // fd:3
	as      string // carrier: "", tcp, tls, ws or wss; of the HTTP servers "", http or https
	path    string // of ws and wss
}

func isHandover(address string) bool {
	return strings.HasPrefix(address, "systemd:") || strings.HasPrefix(address, "fd:")
}

func parseHandover(address string) (*handover, error) {
	return parseHandoverAs(address, "tcp", "tls", "ws", "wss")
}

// parseHandoverAs reads an address at which one of these is spoken.
func parseHandoverAs(address string, kinds ...string) (*handover, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, usageError{error: err}
	}
	params, err := carrier.Params(u, "as", "path")
	if err != nil {
		return nil, usageError{error: err}
	}
	h := &handover{address: address, as: params["as"], path: params["path"]}
	_, web := map[string]bool{"ws": true, "wss": true}[h.as]
	switch {
	case h.as != "" && !slices.Contains(kinds, h.as):
		last := len(kinds) - 1
		return nil, usagef("%s: as=%s; it can be %s or %s", address, h.as, strings.Join(kinds[:last], ", "), kinds[last])
	case params["path"] != "" && !web:
		return nil, usagef("%s: path is for as=ws and as=wss", address)
	case web && !strings.HasPrefix(h.path, "/"):
		h.path = "/" + h.path
	}
	if u.Scheme == "systemd" {
		h.name = u.Opaque
		return h, nil
	}
	if h.fd, err = strconv.Atoi(u.Opaque); err != nil || h.fd < firstSocket {
		return nil, usagef("%s: write it as fd:NUMBER, with the number of a descriptor, %d or above", address, firstSocket)
	}
	return h, nil
}

// encrypted reports whether TLS is to be spoken at an address.
func encrypted(address string) bool {
	if h, err := parseHandover(address); isHandover(address) && err == nil {
		return h.as == "tls" || h.as == "wss"
	}
	return strings.HasPrefix(address, "tls:") || strings.HasPrefix(address, "wss:")
}

// isWeb reports whether WebSocket is spoken at an address.
func isWeb(address string) bool {
	if h, err := parseHandover(address); isHandover(address) && err == nil {
		return h.as == "ws" || h.as == "wss"
	}
	return strings.HasPrefix(address, "ws:") || strings.HasPrefix(address, "wss:")
}

// takes reports whether a socket is one that the address takes over.
func (h *handover) takes(s passedSocket) bool {
	return h.fd == s.fd || h.fd == 0 && (h.name == "" || h.name == s.name)
}

// descriptors returns those of the sockets to take over.
func (h *handover) descriptors(sockets []passedSocket) ([]int, error) {
	if h.fd != 0 {
		return []int{h.fd}, nil
	}
	fds := named(sockets, h.name)
	if len(fds) == 0 {
		return nil, usagef("%s: %s", h.address, missing(sockets))
	}
	return fds, nil
}

// listenTCP takes over the one TCP socket of an HTTP server.
func (h *handover) listenTCP(sockets []passedSocket) (net.Listener, error) {
	fds, err := h.descriptors(sockets)
	if err != nil {
		return nil, err
	}
	if len(fds) > 1 {
		return nil, usagef("%s: there are %d sockets of that name, and an HTTP server has one", h.address, len(fds))
	}
	ln, err := takeSocket(fds[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.address, err)
	}
	if _, ok := ln.(*net.TCPListener); !ok {
		_ = ln.Close()
		return nil, usagef("%s: an HTTP server wants a TCP socket, this is of another kind (%s)", h.address, ln.Addr().Network())
	}
	return keptAlive{ln}, nil
}

// listen takes the sockets over.
func (h *handover) listen(sockets []passedSocket, schemes carrier.Schemes) ([]carrier.Listener, error) {
	fds, err := h.descriptors(sockets)
	if err != nil {
		return nil, err
	}
	var all []carrier.Listener
	for _, fd := range fds {
		ln, err := takeSocket(fd)
		if err != nil {
			return all, fmt.Errorf("%s: %w", h.address, err)
		}
		l, err := h.carrier(ln, schemes)
		if err != nil {
			_ = ln.Close()
			return all, fmt.Errorf("%s: %w", h.address, err)
		}
		all = append(all, l)
	}
	return all, nil
}

// takeSocket makes a listener of a descriptor, and closes that.
func takeSocket(fd int) (net.Listener, error) {
	if err := checkListening(fd); err != nil { // before: it may be one of the Go runtime
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	return net.FileListener(f)
}

// carrier returns the carrier's listener on a socket.
func (h *handover) carrier(ln net.Listener, schemes carrier.Schemes) (carrier.Listener, error) {
	if u, ok := ln.(*net.UnixListener); ok {
		if h.as != "" {
			return nil, usagef("it is a Unix socket; leave as=%s out", h.as)
		}
		return unix.NewListener(u), nil
	}
	ln = keptAlive{ln}
	switch h.as {
	case "tls":
		return schemes["tls"].(tls.Scheme).NewListener(ln)
	case "ws", "wss":
		u := &url.URL{Scheme: h.as, Host: ln.Addr().String(), Path: h.path}
		return schemes[h.as].(webScheme).NewListener(ln, u)
	}
	return tcp.NewListener(ln), nil
}

// A webScheme serves WebSocket on a listener made elsewhere.
type webScheme interface {
	NewListener(ln net.Listener, u *url.URL) (carrier.Listener, error)
}

// keptAlive finds out that a peer has vanished as soon as the carriers' own sockets do.
type keptAlive struct{ net.Listener }

func (l keptAlive) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetKeepAliveConfig(sock.KeepAlive()) // without it it takes longer
	}
	return c, err
}
