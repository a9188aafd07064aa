package ws

import (
	"bufio"
	"fmt"
	"net"
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/certs"
	"github.com/sigrouter/sigrouter/internal/origin"
)

// Protocol is the sub-protocol that both ends name in the handshake. A client need not
// ask for it.
const Protocol = "sig.v1"

// A Handler is an http.Handler that accepts WebSocket connections. It can be mounted in
// any server, behind any middleware that leaves the connection to be hijacked. What is no
// request for a WebSocket is refused with one line of text that says what is wrong.
type Handler struct {
	// Options tunes the handler. It may not be changed once the handler serves.
	Options
	// Serve is called with each connection, in the request's goroutine. It owns the
	// Conn, and should return soon: until it does the server keeps the request's memory.
	Serve func(carrier.Conn)
}

// ServeHTTP accepts one connection.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if conn := h.accept(w, r); conn != nil {
		h.Serve(conn)
	}
}

// accept answers the handshake. It returns nil when it has refused the request.
func (o *Options) accept(w http.ResponseWriter, r *http.Request) carrier.Conn {
	if status, err := o.check(w, r); err != nil {
		o.refuse(w, r, status, err)
		return nil
	}
	up := websocket.Upgrader{
		HandshakeTimeout: o.handshakeTimeout(),
		ReadBufferSize:   libBuffer,
		WriteBufferPool:  noBuffers{},
		Subprotocols:     []string{Protocol},
		CheckOrigin:      func(*http.Request) bool { return true }, // done by check
		Error: func(w http.ResponseWriter, r *http.Request, status int, reason error) {
			o.refuse(w, r, status, reason)
		},
	}
	feed := &feed{}
	lib, err := up.Upgrade(&hijacker{w, feed}, r, nil)
	if err != nil {
		return nil // answered by Error, or the connection is gone
	}
	return newConn(feed, lib, serverInfo(feed.Conn, r), false, o)
}

// libBuffer is the size of the library's own read buffer, through which headers and
// short payloads pass. Longer ones are read past it.
const libBuffer = 256

// noBuffers keeps the library from making a buffer for messages that it is never asked to
// write.
type noBuffers struct{}

func (noBuffers) Get() any { return nil }
func (noBuffers) Put(any)  {}

// check judges a request before the library sees it.
func (o *Options) check(w http.ResponseWriter, r *http.Request) (status int, err error) {
	switch {
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return http.StatusBadRequest, fmt.Errorf("WebSocket needs HTTP/1.1, this is %s", origin.Brief(r.Proto))
	case !websocket.IsWebSocketUpgrade(r):
		w.Header().Set("Upgrade", "websocket")
		return http.StatusUpgradeRequired, fmt.Errorf("this is the WebSocket of a Sig router, and no web page: a client connects to it with %s", clientURL(r, r.URL.EscapedPath()))
	}
	if err := origin.CheckHost(r, o.AllowedHosts); err != nil {
		return http.StatusForbidden, err
	}
	if err := origin.Check(r, o.AllowedOrigins); err != nil {
		return http.StatusForbidden, err
	}
	return 0, nil
}

// clientURL returns what a client that sent r to reach this server would dial for a path of
// it.
func clientURL(r *http.Request, path string) string {
	scheme := "ws"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "wss"
	}
	const most = 256
	if len(r.Host)+len(path) > most {
		return "a " + scheme + ":// URL"
	}
	return scheme + "://" + r.Host + path
}

// NotHere answers a request for a WebSocket at a path that has none, in a server that has
// one at the path named.
func NotHere(w http.ResponseWriter, r *http.Request, path string) {
	http.Error(w, notHere(r, path).Error(), http.StatusNotFound)
}

func notHere(r *http.Request, path string) error {
	return fmt.Errorf("there is nothing here; WebSocket is at %s", clientURL(r, path))
}

// refuse answers with one line.
func (o *Options) refuse(w http.ResponseWriter, r *http.Request, status int, reason error) {
	o.log().Warn("websocket refused", "remote", r.RemoteAddr, "status", status, "err", reason.Error())
	w.Header().Set("Sec-Websocket-Version", "13")
	w.Header().Set("Connection", "close")
	http.Error(w, reason.Error(), status)
}

// serverInfo describes an accepted connection.
func serverInfo(nc net.Conn, r *http.Request) carrier.Info {
	info := carrier.Info{Carrier: "ws", Local: nc.LocalAddr().String(), Remote: r.RemoteAddr}
	info.Loopback = origin.IsLoopback(nc.RemoteAddr()) && !origin.Forwarded(r)
	if r.TLS != nil {
		info.Carrier = "wss"
		info.Identity = certs.Identity(*r.TLS)
	}
	return info
}

// A hijacker gives the library the feed in place of the socket. The library refuses
// clients that send a message together with the handshake; here it finds it in the feed.
type hijacker struct {
	http.ResponseWriter
	feed *feed
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, brw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, _ := brw.Reader.Peek(brw.Reader.Buffered())
	h.feed.Conn = nc
	h.feed.buf = make([]byte, max(len(early), minReadBuffer))
	h.feed.w = copy(h.feed.buf, early)
	return h.feed, bufio.NewReadWriter(bufio.NewReaderSize(nc, 16), brw.Writer), nil
}
