package ws

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/certs"
	"github.com/sigrouter/sigrouter/internal/origin"
	"github.com/sigrouter/sigrouter/internal/sock"
)

// Dial connects to u. The URL's query goes to the server. All of it, the TLS handshake
// and the server's answer too, ends when ctx does, and the handshakes after at most
// HandshakeTimeout.
func (s Scheme) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	c, err := s.dial(ctx, u)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("ws: connecting to %s: %w", u.Redacted(), err)
	}
	return c, nil
}

func (s Scheme) dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	if u.User != nil {
		return nil, errors.New("a ws:// URL has no place for user and password; log in with a token")
	}
	nc, err := s.connect(ctx, u)
	if err != nil {
		return nil, err
	}
	limit := time.Now().Add(s.handshakeTimeout())
	_ = nc.SetDeadline(limit)
	// Neither TLS nor the library looks at ctx while it waits for an answer.
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	conn, err := s.shake(ctx, nc, u)
	if err != nil || !stop() {
		stop()
		_ = nc.Close()
		return nil, or(err, context.Canceled)
	}
	return conn, nil
}

func (s Scheme) connect(ctx context.Context, u *url.URL) (net.Conn, error) {
	port := u.Port()
	if port == "" {
		port = standardPort(u.Scheme)
	}
	if u.Hostname() == "" {
		return nil, errors.New("the URL names no host")
	}
	return sock.Dial(ctx, net.JoinHostPort(u.Hostname(), port))
}

// shake does both handshakes on a connection that has its deadline.
func (s Scheme) shake(ctx context.Context, nc net.Conn, u *url.URL) (carrier.Conn, error) {
	info := carrier.Info{Carrier: u.Scheme, Local: nc.LocalAddr().String(), Remote: nc.RemoteAddr().String()}
	info.Loopback = origin.IsLoopback(nc.RemoteAddr())
	if u.Scheme == "wss" {
		t, err := s.encrypt(ctx, nc, u.Hostname())
		if err != nil {
			return nil, certs.Explain(err)
		}
		nc = t
		info.Identity = certs.Identity(t.ConnectionState())
	}
	feed := &feed{Conn: nc, prelude: headTo}
	dial := func(context.Context, string, string) (net.Conn, error) { return feed, nil }
	d := websocket.Dialer{
		NetDialContext:    dial,
		NetDialTLSContext: dial,
		ReadBufferSize:    libBuffer,
		WriteBufferPool:   noBuffers{},
		Subprotocols:      []string{Protocol},
	}
	clean := *u
	clean.Fragment = "" // the library would send it
	lib, resp, err := d.DialContext(context.WithoutCancel(ctx), clean.String(), s.Header)
	if err != nil {
		return nil, s.badAnswer(u, err, resp)
	}
	if err := checkAnswer(resp); err != nil {
		return nil, err
	}
	_ = nc.SetDeadline(time.Time{})
	return newConn(feed, lib, info, true, &s.Options), nil
}

func (s Scheme) encrypt(ctx context.Context, nc net.Conn, host string) (*tls.Conn, error) {
	c, err := s.files().Client(host)
	if err != nil {
		return nil, err
	}
	t := tls.Client(nc, c)
	return t, t.HandshakeContext(ctx)
}

// badAnswer says what the server answered in place of a handshake.
func (s Scheme) badAnswer(u *url.URL, err error, resp *http.Response) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no answer within %v (HandshakeTimeout); is it a WebSocket server?", s.handshakeTimeout())
	case resp == nil || !errors.Is(err, websocket.ErrBadHandshake):
		return certs.Explain(err)
	}
	line, _ := bufio.NewReader(resp.Body).ReadString('\n')
	line = strings.TrimSpace(line)
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		return errors.New("the server's handshake is wrong; is it a WebSocket server?")
	case line == "" || strings.HasPrefix(line, "<"):
		return fmt.Errorf("the server answered %s; is this the path of a WebSocket? That of sig serve is %s://%s/sig", origin.Brief(resp.Status), u.Scheme, u.Host)
	}
	return fmt.Errorf("the server answered %s: %s", origin.Brief(resp.Status), origin.Brief(line))
}

// checkAnswer refuses what was not asked for: the library would turn on compression
// because a server says so.
func checkAnswer(resp *http.Response) error {
	if e := resp.Header.Get("Sec-Websocket-Extensions"); e != "" {
		return fmt.Errorf("the server turned on an extension nobody asked for: %s", origin.Brief(e))
	}
	if p := resp.Header.Get("Sec-Websocket-Protocol"); p != "" && p != Protocol {
		return fmt.Errorf("the server chose a protocol nobody asked for: %s", origin.Brief(p))
	}
	return nil
}
