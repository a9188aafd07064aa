// Package testcert makes certificates for tests.
package testcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A CA signs certificates.
type CA struct {
	Cert *x509.Certificate
	Pool *x509.CertPool // holds Cert
	key  *ecdsa.PrivateKey
}

// A Leaf says what a certificate holds. Its zero value is one for localhost, 127.0.0.1
// and ::1, good for an hour, that serves neither server nor client.
type Leaf struct {
	Name    string             // common name
	Hosts   []string           // names and addresses in place of localhost's
	URIs    []string           // URI names
	Expired bool               // it was good until an hour ago
	Usage   []x509.ExtKeyUsage // none: see Server and Client
}

// NewCA makes an authority.
func NewCA(t testing.TB) *CA {
	t.Helper()
	ca := &CA{key: newKey(t), Pool: x509.NewCertPool()}
	tmpl := template(Leaf{Name: "test authority"})
	tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage = true, true, x509.KeyUsageCertSign
	ca.Cert = sign(t, tmpl, tmpl, ca.key, ca.key)
	ca.Pool.AddCert(ca.Cert)
	return ca
}

// Server makes a server's certificate.
func (ca *CA) Server(t testing.TB, l Leaf) tls.Certificate {
	t.Helper()
	l.Usage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return ca.Issue(t, l)
}

// Client makes a client's certificate.
func (ca *CA) Client(t testing.TB, l Leaf) tls.Certificate {
	t.Helper()
	l.Usage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return ca.Issue(t, l)
}

// Issue makes a certificate.
func (ca *CA) Issue(t testing.TB, l Leaf) tls.Certificate {
	t.Helper()
	key := newKey(t)
	cert := sign(t, template(l), ca.Cert, key, ca.key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

// File writes the authority's certificate to a file and returns its name.
func (ca *CA) File(t testing.TB) string {
	t.Helper()
	return write(t, "ca.pem", "CERTIFICATE", ca.Cert.Raw)
}

// Files writes a certificate and its key to files and returns their names.
func Files(t testing.TB, c tls.Certificate) (certFile, keyFile string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "cert.pem", "CERTIFICATE", c.Certificate[0]), write(t, "key.pem", "PRIVATE KEY", der)
}

func template(l Leaf) *x509.Certificate {
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: l.Name},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  l.Usage,
	}
	if l.Expired {
		c.NotAfter = now.Add(-time.Hour)
	}
	if l.Hosts == nil {
		l.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	for _, h := range l.Hosts {
		if ip := net.ParseIP(h); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, h)
		}
	}
	for _, s := range l.URIs {
		u, err := url.Parse(s)
		if err != nil {
			panic(err) // the test's own text
		}
		c.URIs = append(c.URIs, u)
	}
	return c
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, tmpl, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func write(t testing.TB, name, kind string, der []byte) string {
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
