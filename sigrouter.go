package sigrouter

import (
	"context"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/serial"
	"github.com/sigrouter/sigrouter/carrier/stdio"
	"github.com/sigrouter/sigrouter/carrier/tcp"
	"github.com/sigrouter/sigrouter/carrier/tls"
	"github.com/sigrouter/sigrouter/carrier/unix"
	"github.com/sigrouter/sigrouter/carrier/ws"
	"github.com/sigrouter/sigrouter/codec/msgpack"
	"github.com/sigrouter/sigrouter/router"
)

// Schemes returns the carriers that need nothing but a URL, for the Schemes field of
// router.ServerOptions and router.ClientOptions. Add to them, or replace one, before
// handing them over:
//
//	schemes := sigrouter.Schemes()
//	schemes["local"] = network // a *local.Network
func Schemes() carrier.Schemes {
	return carrier.NewSchemes(tcp.Scheme{}, tls.Scheme{}, unix.Scheme{}, ws.Scheme{}, serial.Scheme{}, stdio.Scheme{})
}

// Codecs returns the encodings of payloads beside JSON, for the Codecs field of
// router.ServerOptions, which allows clients to ask for them, and of router.ClientOptions,
// which asks for them.
func Codecs() carrier.Codecs { return carrier.Codecs{msgpack.New()} }

// New makes a Router, for events inside one process.
func New() *router.Router { return router.New() }

// NewServer makes a server that can listen at every address Schemes knows, for clients with
// any of Codecs:
//
//	srv := sigrouter.NewServer()
//	l, err := srv.Listen(ctx, "tcp://127.0.0.1:3000")
func NewServer() *router.ServerRouter {
	return router.ServerOptions{Schemes: Schemes(), Codecs: Codecs()}.New()
}

// Dial connects a client to a server at any address Schemes knows, for instance
// tcp://127.0.0.1:3000. ctx bounds the first attempt; later the client connects again
// by itself.
func Dial(ctx context.Context, address string) (*router.ClientRouter, error) {
	return router.ClientOptions{Schemes: Schemes()}.Dial(ctx, address)
}
