// Package certs loads the certificates of carriers that speak TLS, reloads them without
// a restart, and says in plain words why a handshake failed.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// Files says where the certificates of one end are. All fields may be empty.
type Files struct {
	Config     *tls.Config // what the rest is added to; it is not changed
	CertFile   string      // this end's certificate with its chain, PEM
	KeyFile    string      // its key, PEM; "" when it is in CertFile
	ClientCA   string      // a server's: demand certificates of these authorities, PEM
	CA         string      // a client's: trust these authorities and no others, PEM
	ServerName string      // a client's: the name the certificate must have
	Insecure   bool        // a client's: do not check the certificate at all
	NextProtos []string    // protocols spoken inside, in place of Config's
}

// A Server holds what a server's handshakes use now.
type Server struct {
	files   Files
	mu      sync.Mutex // one Reload at a time
	current atomic.Pointer[tls.Config]
}

// NewServer loads the files of a server.
func NewServer(f Files) (*Server, error) {
	s := &Server{files: f}
	if err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// Config returns the configuration to serve with. It follows Reload.
func (s *Server) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c := s.current.Load()
			if own := c.GetConfigForClient; own != nil {
				if o, err := own(hello); o != nil || err != nil {
					return o, err
				}
			}
			return c, nil
		},
	}
}

// Reload reads the files again. Handshakes that start afterwards use what they hold;
// when one of them is no good all stays as it was.
func (s *Server) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.files.server()
	if err != nil {
		return err
	}
	s.current.Store(c)
	return nil
}

func (f Files) server() (*tls.Config, error) {
	c, err := f.base()
	if err != nil {
		return nil, err
	}
	if len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil {
		return nil, errors.New("a TLS server needs a certificate: name the files of its certificate and key")
	}
	// No session is resumed: each certificate is looked at anew. And tickets that a client
	// never reads would make its closing a reset, which costs us what it sent last.
	c.SessionTicketsDisabled = true
	if f.ClientCA != "" {
		if c.ClientCAs, err = loadPool(f.ClientCA); err != nil {
			return nil, err
		}
		if c.ClientAuth == tls.NoClientCert {
			c.ClientAuth = tls.RequireAndVerifyClientCert
		}
	}
	return c, nil
}

// Client loads the files of a client that connects to host.
func (f Files) Client(host string) (*tls.Config, error) {
	c, err := f.base()
	if err != nil {
		return nil, err
	}
	if f.CA != "" {
		if c.RootCAs, err = loadPool(f.CA); err != nil {
			return nil, err
		}
	}
	if f.ServerName != "" {
		c.ServerName = f.ServerName
	}
	if c.ServerName == "" {
		c.ServerName = host
	}
	c.InsecureSkipVerify = c.InsecureSkipVerify || f.Insecure
	return c, nil
}

// base is what both ends have in common.
func (f Files) base() (*tls.Config, error) {
	c := &tls.Config{}
	if f.Config != nil {
		c = f.Config.Clone()
	}
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	if f.NextProtos != nil {
		c.NextProtos = f.NextProtos
	}
	if f.CertFile == "" {
		if f.KeyFile != "" {
			return nil, fmt.Errorf("the key file %s has no certificate file beside it", f.KeyFile)
		}
		return c, nil
	}
	key := f.KeyFile
	if key == "" {
		key = f.CertFile
	}
	pair, err := tls.LoadX509KeyPair(f.CertFile, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.CertFile, key, err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

func loadPool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("certificate authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certificate authorities: no certificate in %s; it must be PEM", file)
	}
	return pool, nil
}

// Identity returns who a verified certificate says the other end is, "" when there was
// none or it was not verified: the first URI of its subject alternative names, such as
// spiffe://plant/thermometer, or else the common name of its subject, unless that looks
// like a URI. It is one string, to be compared whole.
func Identity(s tls.ConnectionState) string {
	if len(s.VerifiedChains) == 0 {
		return ""
	}
	leaf := s.VerifiedChains[0][0]
	if len(leaf.URIs) > 0 {
		return leaf.URIs[0].String()
	}
	if name := leaf.Subject.CommonName; !strings.Contains(name, "://") {
		return name
	}
	return ""
}
