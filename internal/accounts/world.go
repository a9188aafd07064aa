package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/carriertest"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/carrier/serial"
	"github.com/sigrouter/sigrouter/carrier/tcp"
	sigtls "github.com/sigrouter/sigrouter/carrier/tls"
	"github.com/sigrouter/sigrouter/carrier/unix"
	"github.com/sigrouter/sigrouter/carrier/ws"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// Config says what is run. See the flags.
type Config struct {
	Seed    uint64
	For     time.Duration
	Clients int // of each carrier, but serial, which has one
	Rate    int // events a second of each client, about
	Verbose bool
}

// A world is a server, its clients, and the accounts.
type world struct {
	c       Config
	rng     *mathrand.Rand // for what is chosen before anything runs
	dir     string
	log     *slog.Logger
	network *local.Network
	cert    tls.Certificate
	cables  *cable
	limits  carrier.Limits

	srv     *router.ServerRouter
	urls    map[string]string // of the server, by carrier
	audit   *ledger           // what was dispatched
	clients []*client
	calls   *calls

	stop   chan struct{} // closed when publishers end
	paused sync.RWMutex  // held while nobody publishes
	wg     sync.WaitGroup
}

var kinds = []string{"local", "tcp", "unix", "tls", "ws", "serial"}

func newWorld(c Config) (*world, error) {
	dir, err := os.MkdirTemp("", "accounts")
	if err != nil {
		return nil, err
	}
	cert, err := newCert()
	if err != nil {
		return nil, err
	}
	w := &world{
		c: c, rng: mathrand.New(mathrand.NewPCG(c.Seed, 1)), dir: dir, log: slog.New(slog.DiscardHandler),
		network: local.NewNetwork(), cert: cert, urls: map[string]string{}, calls: newCalls(), stop: make(chan struct{}),
	}
	if c.Verbose {
		w.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	w.limits = carrier.Limits{PingAfter: time.Second, DeadAfter: 4 * time.Second, DrainTimeout: 5 * time.Second, ClassicTimeout: 5 * time.Second}
	if w.rng.IntN(2) == 0 {
		w.limits.Window, w.limits.WindowBytes = 4+w.rng.IntN(60), 4096
	}
	if w.rng.IntN(3) == 0 {
		w.limits.QueueBytes = 64 << 10 << w.rng.IntN(3) // some will be too slow
	}
	if w.cables, err = newCable(c.Seed); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *world) close() {
	w.cables.Close()
	_ = os.RemoveAll(w.dir)
}

// schemes are the carriers; those of a client may have faults.
func (w *world) schemes(in *carriertest.Injector) carrier.Schemes {
	var network, socket carrier.Scheme = w.network, unix.Scheme{}
	if in != nil {
		network, socket = in.Scheme(network), in.Scheme(socket)
	}
	config := &tls.Config{Certificates: []tls.Certificate{w.cert}, RootCAs: x509.NewCertPool()}
	config.RootCAs.AddCert(w.cert.Leaf)
	return carrier.NewSchemes(network, socket, tcp.Scheme{}, sigtls.Scheme{Config: config}, ws.Scheme{}, serial.Scheme{Log: w.log})
}

// serve starts the server, the first time at addresses of its choice, then at the same.
func (w *world) serve() error {
	w.srv = router.ServerOptions{
		Options: router.Options{Logger: w.log.With("at", "server")}, Name: "accounts",
		Schemes: w.schemes(nil), Limits: w.limits,
	}.New()
	w.audit = newLedger("server", sig.Any, sig.Any).watch()
	if _, err := w.srv.AddListener(sig.Any, sig.Any, w.audit.listen); err != nil {
		return err
	}
	for _, kind := range kinds {
		at, ok := w.urls[kind]
		if !ok {
			at = map[string]string{
				"local": "local://accounts", "tcp": "tcp://127.0.0.1:0", "tls": "tls://127.0.0.1:0",
				"ws": "ws://127.0.0.1:0/sig", "unix": "unix://" + filepath.Join(w.dir, "sig.sock"),
				"serial": "serial://" + w.cables.A + "?frame=cobs",
			}[kind]
		}
		l, err := w.srv.Listen(context.Background(), at)
		if err != nil {
			return fmt.Errorf("listening at %s: %w", at, err)
		}
		if !ok {
			w.urls[kind] = l.URL()
		}
	}
	return nil
}

// hostport takes the address out of a URL.
func hostport(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

func newCert() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}
