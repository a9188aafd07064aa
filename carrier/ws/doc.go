// Package ws carries messages over WebSocket: to browsers, to Node, through proxies.
//
// A Scheme dials and listens at ws:// and wss:// addresses. A Listener, and below it a
// Handler, is mounted in an HTTP server of yours:
//
//	l := ws.NewListener(ws.Options{AllowedOrigins: []string{"https://app.example.com"}})
//	mux.Handle("/sig", l)
//	go server.Serve(l) // a router's, or Accept the connections yourself
//
// A text message is one JSON object, a binary message one or more binary frames of the protocol.
// There is no compression. Text is checked for UTF-8, a message's length and number of
// fragments are bounded, and so are pings. Who breaks a rule is told which by a close
// frame.
//
// # Who may connect
//
// Web pages of any site can reach a server on this machine. So a request whose Origin is
// not this very host and port is refused, and on loopback addresses also one whose Host is
// not localhost, a loopback address or a host in Options.AllowedHosts. Programs that are no
// browsers send no Origin.
//
// # The library below
//
// The handshake, control frames and reading are github.com/gorilla/websocket's; package ws
// puts a layer between it and the socket. Frames are written past it, many at a time, into
// the buffers of the Engine.
package ws
