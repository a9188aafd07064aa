package main

import (
	"context"
	cryptotls "crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/serial"
	"github.com/sigrouter/sigrouter/carrier/stdio"
	"github.com/sigrouter/sigrouter/carrier/tls"
	"github.com/sigrouter/sigrouter/carrier/ws"
	"github.com/sigrouter/sigrouter/sig"
)

// schemes returns the carriers, with what the flags say of certificates.
func (f *serveFlags) schemes(log *slog.Logger) carrier.Schemes {
	s := sigrouter.Schemes()
	var c *cryptotls.Config
	if f.clientOptional {
		c = &cryptotls.Config{ClientAuth: cryptotls.VerifyClientCertIfGiven} // TLS 1.2 at least, in any case
	}
	b := f.bounds
	s["tls"] = tls.Scheme{
		Config: c, CertFile: f.cert, KeyFile: f.key, ClientCAFile: f.clientCA, Log: log,
		HandshakeTimeout: b.HandshakeTimeout, MaxHandshakes: b.MaxHandshakes, MaxHandshakesAddress: b.MaxHandshakesAddress,
	}
	w := ws.Scheme{TLS: c, CertFile: f.cert, KeyFile: f.key, ClientCAFile: f.clientCA, Options: f.webOptions(log)}
	s["ws"], s["wss"] = w, w
	s["serial"] = serial.Scheme{Log: log}
	s["stdio"], s["exec"] = stdio.Scheme{Log: log}, stdio.Scheme{Log: log}
	return s
}

// webOptions returns what holds for WebSocket.
func (f *serveFlags) webOptions(log *slog.Logger) ws.Options {
	b := f.bounds
	return ws.Options{
		Log: log, AllowedHosts: f.http.hosts, AllowedOrigins: f.http.origins,
		MaxPings: b.MaxPings, MessageTimeout: b.MessageTimeout, MessageRate: b.MessageRate,
		HandshakeTimeout: b.HandshakeTimeout, MaxHandshakes: b.MaxHandshakes, MaxHandshakesAddress: b.MaxHandshakesAddress,
	}
}

// listen listens at every address.
func (d *daemon) listen(ctx context.Context) error {
	d.sockets = passedSockets(d.app.getenv)
	defer d.warnUnused()
	sockets := slices.DeleteFunc(slices.Clone(d.sockets), d.flags.http.takes)
	for _, address := range d.flags.listen {
		if d.flags.http.shared(address) {
			continue // startHTTP does
		}
		if isHandover(address) {
			if err := d.takeOver(address, sockets); err != nil {
				return err
			}
			continue
		}
		l, err := d.srv.Listen(ctx, address)
		if err != nil {
			return cannotListen(address, err)
		}
		d.listeners = append(d.listeners, l)
	}
	return nil
}

// takeOver accepts clients from sockets that were passed.
func (d *daemon) takeOver(address string, sockets []passedSocket) error {
	h, err := parseHandover(address)
	if err != nil {
		return err
	}
	listeners, err := h.listen(sockets, d.flags.schemes(d.log))
	for _, l := range listeners {
		d.listeners = append(d.listeners, l)
		d.serve(l)
	}
	return err
}

// serve accepts clients from a listener until the router stops.
func (d *daemon) serve(l carrier.Listener) {
	d.serving.Go(func() {
		if err := d.srv.Serve(l); err != nil && !errors.Is(err, sig.ErrShuttingDown) {
			d.log.Error("listening ended", "listen", l.URL(), "err", err)
		}
	})
}

// warnUnused tells of sockets at which programs would wait in vain.
func (d *daemon) warnUnused() {
	for _, s := range d.sockets {
		used := d.flags.http.takes(s) || slices.ContainsFunc(d.flags.listen, func(address string) bool {
			h, err := parseHandover(address)
			return isHandover(address) && err == nil && h.takes(s)
		})
		if !used {
			d.log.Warn("the service manager has passed a socket that no address takes over", "name", s.name, "fd", s.fd)
		}
	}
}

// cannotListen says what to do about it.
func cannotListen(address string, err error) error {
	if strings.Contains(err.Error(), address) {
		err = fmt.Errorf("cannot listen: %w", err)
	} else {
		err = fmt.Errorf("cannot listen at %s: %w", address, err)
	}
	_, network := errors.AsType[*net.OpError](err)
	_, file := errors.AsType[*fs.PathError](err)
	_, system := errors.AsType[syscall.Errno](err)
	if network || file || system {
		return err
	}
	return usageError{error: err} // an address that makes no sense
}

// exposure says what an address that others can reach lacks, and what that leads to; nothing
// where all is well. Login says that clients have to log in, certificates that they have to
// show one where there is TLS.
func exposure(address string, login, certificates bool) (lacks, danger string) {
	const (
		anything = "whoever reaches this address can listen to everything and speak as any sender; " +
			"give --token-file, or listen at 127.0.0.1, unless you mean that"
		overheard = "whoever is on the way can read everything, tokens too, and change it; " +
			"listen at tls:// or wss:// addresses, unless the network is yours alone"
	)
	login = login || encrypted(address) && certificates
	switch {
	case isLocal(address), encrypted(address) && login:
		return "", ""
	case encrypted(address):
		return "without login", anything
	case login:
		return "without encryption", overheard
	}
	return "without login or encryption", anything
}

// isLocal reports whether only programs of this machine can reach an address.
func isLocal(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return err == nil // unix:..., stdio:, exec:...
	}
	switch u.Scheme {
	case "unix", "local", "serial":
		return true
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	return host == "localhost"
}
