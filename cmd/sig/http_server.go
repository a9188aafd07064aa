package main

import (
	"cmp"
	"context"
	cryptotls "crypto/tls"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sigrouter/sigrouter/internal/certs"
	doors "github.com/sigrouter/sigrouter/internal/gate"
	"github.com/sigrouter/sigrouter/internal/sock"
)

// Bounds of what strangers may take of the HTTP server, besides those of serveLimits.
const (
	httpHead    = 8 << 10
	httpReading = 10 * time.Second // for the body of a request; its head has the limit handshake-timeout
	httpWriting = 30 * time.Second // for an answer
	httpIdle    = 15 * time.Second
)

// An httpServer is an HTTP server with its bounds.
type httpServer struct {
	url      url.URL // with the real port
	asked    string  // the host that was asked for
	loopback bool
	certs    *certs.Server // nil: no TLS
	heading  time.Duration // how long the head of a request may take
	log      *slog.Logger

	listener net.Listener
	http     http.Server
	gate     *doors.Gate
	done     chan struct{}  // closed by stop
	wg       sync.WaitGroup // serve, and connections that are not hijacked
}

// newHTTP listens at an address, or takes over a socket. Nothing is accepted until serve.
func (d *daemon) newHTTP(ctx context.Context, flag string, at *url.URL, socket *handover) (*httpServer, error) {
	b := d.flags.bounds
	s := &httpServer{
		url: *at, asked: at.Hostname(), heading: b.HandshakeTimeout, log: d.log,
		gate: doors.New(b.MaxWebConns, b.MaxWebConnsAddress), done: make(chan struct{}),
	}
	if at.Scheme == "https" {
		var c *cryptotls.Config
		if d.flags.clientOptional {
			c = &cryptotls.Config{ClientAuth: cryptotls.VerifyClientCertIfGiven} // TLS 1.2 at least, in any case
		}
		var err error
		s.certs, err = certs.NewServer(certs.Files{
			Config: c, CertFile: d.flags.cert, KeyFile: d.flags.key, ClientCA: d.flags.clientCA,
			NextProtos: []string{"http/1.1"}, // HTTP/2 cannot carry WebSocket
		})
		if err != nil {
			return nil, cannotListen(at.String(), err)
		}
	}
	ln, err := listenHTTP(ctx, at, socket, d.sockets)
	switch {
	case socket != nil && err != nil:
		return nil, err // it names the address
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, errPort(flag, err)
	case err != nil:
		return nil, cannotListen(at.String(), err)
	}
	s.listener = ln
	s.url.Host = ln.Addr().String()
	if a, ok := ln.Addr().(*net.TCPAddr); ok {
		s.loopback = a.IP.IsLoopback()
	}
	return s, nil
}

func listenHTTP(ctx context.Context, at *url.URL, socket *handover, sockets []passedSocket) (net.Listener, error) {
	if socket != nil {
		return socket.listenTCP(sockets)
	}
	return sock.Listen(ctx, at.Scheme, at.Host)
}

// Refused returns how many connections were turned away because their address had its share.
func (s *httpServer) Refused() uint64 {
	if s == nil {
		return 0
	}
	return s.gate.Refused()
}

// String returns the address to open in a browser, "" for none.
func (s *httpServer) String() string {
	if s == nil {
		return ""
	}
	return s.url.String()
}

// serve begins to answer.
func (s *httpServer) serve(h http.Handler) {
	s.http = http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			now := time.Now()
			_ = cmp.Or(rc.SetReadDeadline(now.Add(httpReading)), rc.SetWriteDeadline(now.Add(httpWriting))) // it always can
			h.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout:            s.heading, // with TLS, the handshake as well
		IdleTimeout:                  httpIdle,
		MaxHeaderBytes:               httpHead,
		DisableGeneralOptionsHandler: true,
		ConnState:                    s.connState,
		ErrorLog:                     log.New(httpLines{s.log}, "", 0),
		Protocols:                    new(http.Protocols),
	}
	s.http.Protocols.SetHTTP1(true)
	ln := net.Listener(&doors.Listener{Listener: s.listener, Gate: s.gate, Done: s.done})
	if s.certs != nil {
		ln = cryptotls.NewListener(ln, s.certs.Config())
	}
	s.wg.Go(func() {
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("http server stopped", "url", s.url.String(), "err", err)
		}
	})
}

// withoutDeadline lets an answer take as long as it takes.
func withoutDeadline(w http.ResponseWriter) {
	rc := http.NewResponseController(w)
	_ = cmp.Or(rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{})) // it always can
}

// stop lets requests under way end until ctx does.
func (s *httpServer) stop(ctx context.Context) {
	close(s.done)
	if s.http.Handler == nil { // serve was not called
		_ = s.listener.Close()
		return
	}
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close()
	}
	s.wg.Wait()
}

// connState sees connections come and, finished or hijacked, leave the HTTP server.
func (s *httpServer) connState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.wg.Add(1)
	case http.StateHijacked, http.StateClosed:
		s.gate.Leave(c.RemoteAddr())
		s.wg.Done()
	}
}

// httpLines makes records of the lines that net/http logs: handshakes that failed.
type httpLines struct{ log *slog.Logger }

func (h httpLines) Write(line []byte) (int, error) {
	h.log.Info("http handshake failed", "err", strings.TrimSpace(string(line)))
	return len(line), nil
}
