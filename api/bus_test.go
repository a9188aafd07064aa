package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	memory "github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

var discard = slog.New(slog.DiscardHandler)

func newBus(t testing.TB) sig.Bus {
	r := router.New()
	t.Cleanup(func() { r.Close() })
	return r
}

// A wire is a bus whose requests arrive as over a carrier: parameters, results and errors
// are encoded on their way.
type wire struct{ sig.Bus }

func (w wire) Request(ctx context.Context, sender, method string, params any) (sig.Response, error) {
	resp, err := w.Bus.Request(ctx, sender, method, encoded(params))
	if e := sig.AsError(err); e != nil {
		return sig.Response{}, &sig.Error{Status: e.Status, Code: e.Code, Message: e.Message, Data: encoded(e.Data)}
	}
	return sig.Response{Data: encoded(resp.Data)}, nil
}

func encoded(v any) any {
	if v == nil {
		return nil
	}
	b, err := sig.JSON{}.Marshal(v)
	if err != nil {
		panic(fmt.Sprint("the test sends what JSON cannot hold: ", err))
	}
	return &sig.Raw{Codec: sig.JSON{}, Bytes: b}
}

// overRouter returns a server and a client's view of it, over memory.
func overRouter(t testing.TB) (local, caller sig.Bus) {
	schemes := carrier.NewSchemes(memory.NewNetwork())
	srv := router.ServerOptions{Schemes: schemes}.New()
	t.Cleanup(func() { srv.Close() })
	_, err := srv.Listen(t.Context(), "local://api")
	require.NoError(t, err)
	c, err := router.ClientOptions{Schemes: schemes}.Dial(t.Context(), "local://api")
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return srv, c.Remote()
}

// everywhere runs a test in process, with everything encoded, and over a carrier, there
// with either side at the router.
func everywhere(t *testing.T, test func(t *testing.T, local, caller sig.Bus)) {
	t.Run("in process", func(t *testing.T) { b := newBus(t); test(t, b, b) })
	t.Run("encoded", func(t *testing.T) { b := newBus(t); test(t, b, wire{b}) })
	t.Run("from a client", func(t *testing.T) { a, b := overRouter(t); test(t, a, b) })
	t.Run("to a client", func(t *testing.T) { a, b := overRouter(t); test(t, b, a) })
}
