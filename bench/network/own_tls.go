//go:build unix

package network

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/tls"
)

// OwnTLS is Own over TLS. Clients check the router's certificate.
func OwnTLS(name string) Peer {
	// An address is host:port and the file of the certificate and its key.
	split := func(addr string) (schemes carrier.Schemes, url string) {
		host, file, _ := strings.Cut(addr, " ")
		schemes = sigrouter.Schemes()
		schemes["tls"] = tls.Scheme{CertFile: file, CAFile: file}
		return schemes, "tls://" + host
	}
	router := func(addr string, _ bool) (func(), error) {
		schemes, url := split(addr)
		srv, err := ownServer(schemes, url)
		if err != nil {
			return nil, err
		}
		return func() { _ = srv.Close() }, nil
	}
	dial := func(addr, _ string) (Client, error) {
		schemes, url := split(addr)
		return ownDial(schemes, url, false)
	}
	address := func(dir string) (string, func(), error) {
		file := filepath.Join(dir, "server.pem")
		addr, err := freeAddr()
		if err == nil {
			err = writeCertificate(file)
		}
		return addr + " " + file, func() {}, err
	}
	return Peer{Name: name, Own: true, Addr: address, Router: router, Dial: dial, Window: 16_384, WindowMany: 2048}
}

// writeCertificate makes a certificate for 127.0.0.1, good for a day, that is its own
// authority.
func writeCertificate(file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	return os.WriteFile(file, text, 0o600)
}
