package ws

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/certs"
	"github.com/sigrouter/sigrouter/internal/sock"
)

// A Scheme dials and listens at ws:// and wss:// addresses, such as
// ws://127.0.0.1:3080/sig. The zero value is ready for ws, and to dial wss servers whose
// certificate this machine trusts. Without a port 80 and 443 are meant.
//
// What Listen returns serves the URL's path and nothing else. It has a method
//
//	Reload() error
//
// which reads the certificate files again, for handshakes from then on; when one of them
// is no good it fails and all stays as it was. Dial reads the files each time.
type Scheme struct {
	Options

	// Header is added to the request of Dial, for a proxy on the way, say.
	Header http.Header

	TLS          *tls.Config // what the fields below are added to; TLS 1.2 is the least in any case
	CertFile     string      // this end's certificate with its chain, PEM
	KeyFile      string      // its key, PEM; empty when it is in CertFile
	ClientCAFile string      // Listen: demand client certificates of these authorities, PEM; they become Info.Identity
	CAFile       string      // Dial: trust these authorities and no others, PEM
	ServerName   string      // Dial: the name that the server's certificate must have; empty means the URL's host
	Insecure     bool        // Dial: do not check the server's certificate; for tests only
}

// Schemes returns "ws" and "wss".
func (Scheme) Schemes() []string { return []string{"ws", "wss"} }

// Listen serves u's path with an HTTP server of its own.
func (s Scheme) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	l, err := s.listen(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("ws: listening at %s: %w", u.Redacted(), err)
	}
	return l, nil
}

// Check says what is wrong with an address, or with the certificate files of one where TLS
// is spoken.
func (s Scheme) Check(u *url.URL) error {
	if _, err := s.prepare(u); err != nil {
		return fmt.Errorf("ws: %s: %w", u.Redacted(), err)
	}
	return nil
}

// prepare loads the certificates for an address that is in order; nil without TLS.
func (s Scheme) prepare(u *url.URL) (*certs.Server, error) {
	if _, err := carrier.Params(u); err != nil {
		return nil, err
	}
	if u.Opaque != "" {
		return nil, errors.New("a WebSocket address is ws://host:port/path")
	}
	if err := sock.Check(u.Hostname(), u.Port()); err != nil {
		return nil, err
	}
	if u.Scheme != "wss" {
		return nil, nil
	}
	return certs.NewServer(s.files())
}

// NewListener serves u's path on a listener that accepts plain connections, one handed over
// by systemd for instance; u's scheme says whether TLS is spoken there. It is what Listen
// returns.
func (s Scheme) NewListener(ln net.Listener, u *url.URL) (carrier.Listener, error) {
	c, err := s.prepare(u)
	if err != nil {
		return nil, fmt.Errorf("ws: listening at %s: %w", ln.Addr(), err)
	}
	return newServer(ln, u, s.Options, c), nil
}

func (s Scheme) listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	c, err := s.prepare(u)
	if err != nil {
		return nil, err
	}
	port := u.Port()
	if port == "" {
		port = standardPort(u.Scheme)
	}
	ln, err := sock.Listen(ctx, u.Scheme, net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, err
	}
	o := s.Options
	if a, ok := ln.Addr().(*net.TCPAddr); ok && a.IP.IsLoopback() && u.Hostname() != "" {
		o.AllowedHosts = append(slices.Clone(o.AllowedHosts), u.Hostname())
	}
	return newServer(ln, u, o, c), nil
}

func (s Scheme) files() certs.Files {
	return certs.Files{
		Config: s.TLS, CertFile: s.CertFile, KeyFile: s.KeyFile, ClientCA: s.ClientCAFile,
		CA: s.CAFile, ServerName: s.ServerName, Insecure: s.Insecure,
		NextProtos: []string{"http/1.1"}, // a browser would choose HTTP/2, which cannot carry this
	}
}

func standardPort(scheme string) string {
	if scheme == "wss" {
		return "443"
	}
	return "80"
}
