// Package tls is the carrier over TLS: tls://host:port.
//
//	server := tls.Scheme{CertFile: "server.pem", KeyFile: "server.key", ClientCAFile: "clients-ca.pem"}
//	client := tls.Scheme{CertFile: "thermo.pem", KeyFile: "thermo.key", CAFile: "server-ca.pem"}
//
// TLS 1.2 is the least that is spoken. With ClientCAFile a server demands a certificate
// of its clients. Who a client is, carrier.Info.Identity, then comes from one place in it:
// the first URI of its subject alternative names, such as sig://plant/thermometer; when it
// has none, the common name of its subject, unless that looks like a URI. Compare it
// whole.
package tls

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/certs"
	"github.com/sigrouter/sigrouter/internal/sock"
)

// DefaultPort is used by addresses that name none.
const DefaultPort = "3443"

// A Scheme makes TLS connections. The zero value dials servers whose certificate this
// machine trusts; to listen, a certificate is needed.
type Scheme struct {
	Config       *tls.Config // what the fields below are added to; it is not changed
	CertFile     string      // this end's certificate with its chain, PEM
	KeyFile      string      // its key, PEM; empty when it is in CertFile
	ClientCAFile string      // Listen: demand client certificates of these authorities, PEM
	CAFile       string      // Dial: trust these authorities and no others, PEM
	ServerName   string      // Dial: the name that the server's certificate must have; empty means the URL's host
	Insecure     bool        // Dial: do not check the server's certificate; for tests only

	// HandshakeTimeout bounds the handshake of a connection. Zero means 5 s.
	HandshakeTimeout time.Duration

	// MaxHandshakes is how many connections of a listener may be at their handshake at
	// once; more wait in the kernel. Zero means 64.
	MaxHandshakes int

	// MaxHandshakesAddress is how many of these may be of one address, or IPv6 /64, that
	// is not loopback; more are closed. Zero means 16.
	MaxHandshakesAddress int

	// Log gets a line for each handshake that failed at a listener. Nil means none.
	Log *slog.Logger
}

// Schemes returns "tls".
func (Scheme) Schemes() []string { return []string{"tls"} }

// Dial connects to tls://host:port. It reads the certificate files each time.
//
// In TLS 1.3 a client's handshake is over before the server has looked at the client's
// certificate: when the server refuses it, the first Recv fails and says so.
func (s Scheme) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	c, err := s.dial(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("tls: connecting to %s: %w", u.Redacted(), err)
	}
	return newConn(c), nil
}

func (s Scheme) dial(ctx context.Context, u *url.URL) (*tls.Conn, error) {
	addr, err := address(u)
	if err != nil {
		return nil, err
	}
	config, err := s.files().Client(u.Hostname())
	if err != nil {
		return nil, err
	}
	nc, err := sock.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	c := tls.Client(nc, config)
	return c, s.shake(ctx, c)
}

// shake does the handshake, and closes the connection when it fails.
func (s Scheme) shake(ctx context.Context, c *tls.Conn) error {
	limit := s.HandshakeTimeout
	if limit == 0 {
		limit = 5 * time.Second
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := c.HandshakeContext(bounded)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		err = certs.Explain(err)
	}
	_ = c.NetConn().Close()
	return err
}

// Check says what is wrong with an address, or with the certificate files.
func (s Scheme) Check(u *url.URL) error {
	_, err := address(u)
	if err == nil {
		_, err = certs.NewServer(s.files())
	}
	if err != nil {
		return fmt.Errorf("tls: %s: %w", u.Redacted(), err)
	}
	return nil
}

// Listen waits for connections at tls://host:port; port 0 picks a free one, an empty host
// means all addresses of the machine. What it returns is a *Listener.
func (s Scheme) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	l, err := s.listen(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("tls: listening at %s: %w", u.Redacted(), err)
	}
	return l, nil
}

func (s Scheme) listen(ctx context.Context, u *url.URL) (*Listener, error) {
	addr, err := address(u)
	if err != nil {
		return nil, err
	}
	c, err := certs.NewServer(s.files())
	if err != nil {
		return nil, err
	}
	ln, err := sock.Listen(ctx, "tls", addr)
	if err != nil {
		return nil, err
	}
	return newListener(ln, s, c), nil
}

// NewListener makes a Listener of one that accepts plain connections, one handed over by
// systemd for instance.
func (s Scheme) NewListener(ln net.Listener) (*Listener, error) {
	c, err := certs.NewServer(s.files())
	if err != nil {
		return nil, fmt.Errorf("tls: listening at %s: %w", ln.Addr(), err)
	}
	return newListener(ln, s, c), nil
}

func (s Scheme) files() certs.Files {
	return certs.Files{
		Config: s.Config, CertFile: s.CertFile, KeyFile: s.KeyFile, ClientCA: s.ClientCAFile,
		CA: s.CAFile, ServerName: s.ServerName, Insecure: s.Insecure,
	}
}

// address returns host:port of a URL.
func address(u *url.URL) (string, error) {
	if _, err := carrier.Params(u); err != nil {
		return "", err
	}
	switch {
	case u.User != nil:
		return "", errors.New("a tls:// URL has no place for user and password; use a client certificate or a token")
	case u.Path != "" && u.Path != "/" || u.Opaque != "":
		return "", errors.New("a TLS address is tls://host:port")
	}
	port := u.Port()
	if port == "" {
		port = DefaultPort
	}
	if err := sock.Check(u.Hostname(), port); err != nil {
		return "", err
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// newConn makes a Conn of a connection whose handshake is done.
func newConn(c *tls.Conn) carrier.Conn {
	info := carrier.Info{
		Carrier:  "tls",
		Local:    c.LocalAddr().String(),
		Remote:   c.RemoteAddr().String(),
		Identity: certs.Identity(c.ConnectionState()),
	}
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		info.Loopback = a.IP.IsLoopback()
	}
	return carrier.NewStream(stream{c}, info)
}

// A stream is a TLS connection that says why a certificate was refused, and that closes
// without waiting for somebody who takes nothing.
type stream struct{ *tls.Conn }

func (s stream) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if err != nil {
		err = certs.Explain(err)
	}
	return n, err
}

func (s stream) Close() error { return sock.CloseTLS(s.Conn) }
