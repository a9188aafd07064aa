package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

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

// both runs a test in process and as over a carrier.
func both(t *testing.T, test func(t *testing.T, local, caller sig.Bus)) {
	t.Run("in process", func(t *testing.T) { b := newBus(t); test(t, b, b) })
	t.Run("over a carrier", func(t *testing.T) { b := newBus(t); test(t, b, wire{b}) })
}
