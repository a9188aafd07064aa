package ws

import (
	"crypto/tls"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/internal/certs"
	"github.com/sigrouter/sigrouter/internal/gate"
)

// maxRequestHead is how long the head of a request may be; net/http allows 4 KiB more.
const maxRequestHead = 8 << 10

// A server is a Listener with an HTTP server of its own.
type server struct {
	*Listener
	http    *http.Server
	certs   *certs.Server // nil: no TLS
	gate    *gate.Gate
	unheard atomic.Uint64 // connections that were closed before the handshake was done
	url     string
	wg      sync.WaitGroup // Serve, and the goroutines of connections that are not hijacked
	once    sync.Once
}

// newServer serves path on ln, and nothing else.
func newServer(ln net.Listener, u *url.URL, o Options, c *certs.Server) *server {
	s := &server{Listener: NewListener(o), certs: c, gate: gate.New(o.MaxHandshakes, o.MaxHandshakesAddress)}
	real := url.URL{Scheme: u.Scheme, Host: ln.Addr().String(), Path: or(u.Path, "/"), RawPath: u.RawPath}
	path := real.EscapedPath()
	s.url = real.String()
	limit := o.handshakeTimeout()
	s.http = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.EscapedPath() != path {
				s.options.refuse(w, r, http.StatusNotFound, notHere(r, path))
				return
			}
			s.Listener.ServeHTTP(w, r)
		}),
		// Of all these only the first two are about requests that get as far as a
		// handler; after the handshake they no longer apply.
		ReadHeaderTimeout:            limit, // with TLS, the TLS handshake as well
		MaxHeaderBytes:               maxRequestHead,
		ReadTimeout:                  limit,
		WriteTimeout:                 limit,
		IdleTimeout:                  limit,
		DisableGeneralOptionsHandler: true,
		ConnState:                    s.connState,
		ErrorLog:                     log.New(slogLines{o.log()}, "", 0),
		Protocols:                    new(http.Protocols),
	}
	s.http.Protocols.SetHTTP1(true)
	s.http.SetKeepAlivesEnabled(false)
	ln = &gate.Listener{Listener: ln, Gate: s.gate, Done: s.done}
	if c != nil {
		ln = tls.NewListener(ln, c.Config())
	}
	s.wg.Go(func() {
		err := s.http.Serve(ln)
		if !errors.Is(err, http.ErrServerClosed) {
			o.log().Error("websocket server stopped", "listen", s.url, "err", err)
			s.shut()
		}
	})
	return s
}

// connState sees connections come and, finished or hijacked, leave the HTTP server.
func (s *server) connState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.wg.Add(1)
	case http.StateHijacked, http.StateClosed:
		if state == http.StateClosed {
			s.unheard.Add(1)
		}
		s.gate.Leave(c.RemoteAddr())
		s.wg.Done()
	}
}

// URL returns the address to dial.
func (s *server) URL() string { return s.url }

// Close stops the server and returns when nothing of it runs any more. Connections that
// Accept returned stay.
func (s *server) Close() error {
	var err error
	s.once.Do(func() {
		s.shut()
		err = s.http.Close()
		_ = s.Listener.Close()
		s.wg.Wait()
	})
	return err
}

// Reload reads the certificate files again; see Scheme.
func (s *server) Reload() error {
	if s.certs == nil {
		return nil
	}
	return s.certs.Reload()
}

// Refused returns how many connections did not get as far as Accept: a handshake failed or
// took too long, the request was refused, or their address had too many at it.
func (s *server) Refused() uint64 { return s.unheard.Load() + s.late.Load() + s.gate.Refused() }

// slogLines makes records of the lines that net/http logs: handshakes that failed.
type slogLines struct{ log *slog.Logger }

func (s slogLines) Write(line []byte) (int, error) {
	s.log.Info("websocket handshake failed", "err", strings.TrimSpace(string(line)))
	return len(line), nil
}
