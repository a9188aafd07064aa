package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/serial"
	"github.com/sigrouter/sigrouter/carrier/stdio"
	"github.com/sigrouter/sigrouter/carrier/tls"
	"github.com/sigrouter/sigrouter/carrier/ws"
)

// schemes returns the carriers, with what the flags say of certificates.
func (f *serveFlags) schemes(log *slog.Logger) carrier.Schemes {
	s := sigrouter.Schemes()
	s["tls"] = tls.Scheme{CertFile: f.cert, KeyFile: f.key, ClientCAFile: f.clientCA, Log: log}
	w := ws.Scheme{CertFile: f.cert, KeyFile: f.key, ClientCAFile: f.clientCA, Options: ws.Options{Log: log}}
	s["ws"], s["wss"] = w, w
	s["serial"] = serial.Scheme{Log: log}
	s["stdio"], s["exec"] = stdio.Scheme{Log: log}, stdio.Scheme{Log: log}
	return s
}

// listen listens at every address.
func (d *daemon) listen(ctx context.Context) error {
	for _, address := range d.flags.listen {
		l, err := d.srv.Listen(ctx, address)
		if err != nil {
			return cannotListen(address, err)
		}
		d.listeners = append(d.listeners, l)
	}
	return nil
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

// warnIfOpen warns of an address that others can reach.
func warnIfOpen(log *slog.Logger, address string, login bool) {
	encrypted := strings.HasPrefix(address, "tls:") || strings.HasPrefix(address, "wss:")
	lacks := "without login or encryption"
	switch {
	case isLocal(address), encrypted && login:
		return
	case encrypted:
		lacks = "without login"
	}
	log.Warn("LISTENING BEYOND THIS MACHINE "+lacks+": whoever reaches this address can listen to everything "+
		"and speak as any sender; listen at 127.0.0.1 unless you mean that", "listen", address)
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
