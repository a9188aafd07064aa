//go:build unix

package router

import (
	"context"
	"sync"
	"testing"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/carrier/tcp"
	"github.com/sigrouter/sigrouter/sig"
)

// BenchmarkRemoteRequest measures a request to the server, and one that it passes on to
// another client, 1 and 64 at a time on one connection.
func BenchmarkRemoteRequest(b *testing.B) {
	echo := sig.Answer("echo", func(_ context.Context, r sig.Request) (any, error) { return r.Params, nil })
	for _, url := range []string{"tcp://127.0.0.1:0", "local://bench"} {
		schemes := carrier.NewSchemes(tcp.Scheme{}, local.NewNetwork())
		srv := ServerOptions{Schemes: schemes}.New()
		l, err := srv.Listen(b.Context(), url)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := srv.AddSender("own", echo); err != nil {
			b.Fatal(err)
		}
		dial := func() *ClientRouter {
			c, err := ClientOptions{Schemes: schemes}.Dial(b.Context(), l.URL())
			if err != nil {
				b.Fatal(err)
			}
			return c
		}
		owner, caller := dial(), dial()
		if _, err := owner.AddRemoteSender(b.Context(), "routed", echo); err != nil {
			b.Fatal(err)
		}
		data := &sig.Raw{Codec: sig.JSON{}, Bytes: []byte(`{"seq":1234567890,"sensor":"temp-01","value":21.375,"unit":"C","ok":true,"note":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`)}
		for _, to := range []string{"own", "routed"} {
			for _, flight := range []string{"1", "64"} {
				b.Run(url[:3]+"/"+to+"/"+flight, func(b *testing.B) {
					n := 1
					if flight == "64" {
						n = 64
					}
					b.ReportAllocs()
					from := processorTime()
					b.ResetTimer()
					var wg sync.WaitGroup
					for g := range n {
						wg.Go(func() {
							for i := g; i < b.N; i += n {
								if _, err := caller.RemoteRequest(context.Background(), to, "echo", data); err != nil {
									b.Error(err)
									return
								}
							}
						})
					}
					wg.Wait()
					b.ReportMetric(float64(processorTime()-from)/float64(b.N), "cpu-ns/op")
				})
			}
		}
		owner.Close()
		caller.Close()
		srv.Close()
	}
}
