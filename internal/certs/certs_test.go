package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"crypto/x509/pkix"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/testcert"
)

func TestIdentity(t *testing.T) {
	uri := func(s string) *url.URL {
		u, err := url.Parse(s)
		require.NoError(t, err)
		return u
	}
	for _, c := range []struct {
		want string
		cert x509.Certificate
	}{
		{"", x509.Certificate{}},
		{"bob", x509.Certificate{Subject: pkix.Name{CommonName: "bob"}}},
		{"sig://plant/bob", x509.Certificate{URIs: []*url.URL{uri("sig://plant/bob"), uri("sig://plant/alice")}}},
		{"sig://plant/bob", x509.Certificate{URIs: []*url.URL{uri("sig://plant/bob")}, Subject: pkix.Name{CommonName: "alice"}}},
		{"", x509.Certificate{Subject: pkix.Name{CommonName: "sig://plant/bob"}, DNSNames: []string{"bob"}}},
		{"", x509.Certificate{DNSNames: []string{"bob"}, EmailAddresses: []string{"bob@example.com"}}},
	} {
		state := tls.ConnectionState{
			PeerCertificates: []*x509.Certificate{&c.cert},
			VerifiedChains:   [][]*x509.Certificate{{&c.cert}},
		}
		require.Equal(t, c.want, Identity(state))
		state.VerifiedChains = nil
		require.Empty(t, Identity(state), "not verified")
	}
}

func TestServerFiles(t *testing.T) {
	ca := testcert.NewCA(t)
	cert, key := testcert.Files(t, ca.Server(t, testcert.Leaf{}))
	_, otherKey := testcert.Files(t, ca.Server(t, testcert.Leaf{}))
	missing := filepath.Join(t.TempDir(), "missing.pem")
	both := filepath.Join(t.TempDir(), "both.pem")
	var text []byte
	for _, name := range []string{cert, key} {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		text = append(text, b...)
	}
	require.NoError(t, os.WriteFile(both, text, 0o600))
	for _, c := range []struct {
		name  string
		files Files
		says  string // "": works
	}{
		{"two files", Files{CertFile: cert, KeyFile: key}, ""},
		{"one file", Files{CertFile: both}, ""},
		{"client authorities", Files{CertFile: both, ClientCA: ca.File(t)}, ""},
		{"a config", Files{Config: &tls.Config{Certificates: []tls.Certificate{ca.Server(t, testcert.Leaf{})}}}, ""},
		{"nothing", Files{}, "needs a certificate"},
		{"key alone", Files{KeyFile: key}, "no certificate file"},
		{"certificate alone", Files{CertFile: cert}, cert},
		{"not its key", Files{CertFile: cert, KeyFile: otherKey}, otherKey},
		{"missing", Files{CertFile: missing, KeyFile: key}, missing},
		{"authorities missing", Files{CertFile: both, ClientCA: missing}, missing},
		{"authorities that are none", Files{CertFile: both, ClientCA: key}, "no certificate in"},
	} {
		_, err := NewServer(c.files)
		if c.says == "" {
			require.NoError(t, err, c.name)
		} else {
			require.ErrorContains(t, err, c.says, c.name)
		}
	}
}

func TestConfigIsNotChanged(t *testing.T) {
	given := &tls.Config{MinVersion: tls.VersionTLS10, ClientAuth: tls.VerifyClientCertIfGiven}
	ca := testcert.NewCA(t)
	given.Certificates = []tls.Certificate{ca.Server(t, testcert.Leaf{})}
	s, err := NewServer(Files{Config: given, ClientCA: ca.File(t), NextProtos: []string{"x"}})
	require.NoError(t, err)
	c, err := s.Config().GetConfigForClient(nil)
	require.NoError(t, err)
	require.Equal(t, uint16(tls.VersionTLS12), c.MinVersion)
	require.Equal(t, tls.VerifyClientCertIfGiven, c.ClientAuth, "what the config says of it holds")
	require.Equal(t, []string{"x"}, c.NextProtos)
	require.Equal(t, uint16(tls.VersionTLS10), given.MinVersion)
	require.Nil(t, given.ClientCAs)
	require.Nil(t, given.NextProtos)
}

// TestOwnGetConfigForClient checks that a configuration's own choice by client is asked.
func TestOwnGetConfigForClient(t *testing.T) {
	own := &tls.Config{MinVersion: tls.VersionTLS13}
	s, err := NewServer(Files{Config: &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		switch h.ServerName {
		case "own":
			return own, nil
		case "none":
			return nil, errors.New("no such server")
		}
		return nil, nil
	}}})
	require.NoError(t, err)
	get := s.Config().GetConfigForClient
	c, err := get(&tls.ClientHelloInfo{ServerName: "own"})
	require.NoError(t, err)
	require.Same(t, own, c)
	_, err = get(&tls.ClientHelloInfo{ServerName: "none"})
	require.Error(t, err)
	c, err = get(&tls.ClientHelloInfo{ServerName: "other"})
	require.NoError(t, err)
	require.Equal(t, uint16(tls.VersionTLS12), c.MinVersion)
}

func TestExplainLeavesOthersAlone(t *testing.T) {
	require.NoError(t, Explain(nil))
	require.Same(t, io.EOF, Explain(io.EOF))
}
