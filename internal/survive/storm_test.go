package survive

import (
	stdtls "crypto/tls"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/carriertest"
	"github.com/sigrouter/sigrouter/carrier/tcp"
	"github.com/sigrouter/sigrouter/carrier/tls"
	"github.com/sigrouter/sigrouter/internal/testcert"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// X9 and G4: the server is gone for a time, and all its clients come back, each with its
// sender and its listener, in few attempts.
func TestReconnectStorm(t *testing.T) {
	ca := testcert.NewCA(t)
	config := &stdtls.Config{Certificates: []stdtls.Certificate{ca.Server(t, testcert.Leaf{})}}
	for _, kind := range []string{"tcp", "tls"} {
		t.Run(kind, func(t *testing.T) {
			n, away := amount(60, 1000), time.Duration(amount(1, 10))*time.Second
			schemes := carrier.NewSchemes(tcp.Scheme{}, tls.Scheme{Config: config, CAFile: ca.File(t)})
			serve := func(url string) (*router.ServerRouter, string) {
				srv := router.ServerOptions{Schemes: schemes}.New()
				l, err := srv.Listen(t.Context(), url)
				require.NoError(t, err)
				return srv, l.URL()
			}
			srv, url := serve(kind + "://127.0.0.1:0")
			var attempts atomic.Int64
			clients := make([]*router.ClientRouter, n)
			each(func(i int) error {
				c, err := router.ClientOptions{Schemes: schemes, OnState: func(st router.State) {
					for was := attempts.Load(); int64(st.Attempts) > was && !attempts.CompareAndSwap(was, int64(st.Attempts)); was = attempts.Load() {
					}
				}}.Dial(t.Context(), url)
				if err != nil {
					return err
				}
				clients[i] = c
				if _, err := c.AddRemoteSender(t.Context(), fmt.Sprint("s", i), sig.Events("e")); err != nil {
					return err
				}
				_, err = c.AddRemoteListener(t.Context(), "all", "e", func(sig.Event) {})
				return err
			}, n, t)
			whole := func() bool { st := srv.Stats(); return st.Senders == n && st.Listeners == n }
			require.True(t, whole(), "%+v", srv.Stats())
			start := time.Now()
			require.NoError(t, srv.Shutdown(t.Context()))
			t.Logf("%s: shutdown with %d clients took %v", kind, n, time.Since(start).Round(time.Millisecond))
			time.Sleep(away) // for so long there is no router
			srv, _ = serve(url)
			start = time.Now()
			require.True(t, within(2*patience, whole), "%+v", srv.Stats())
			t.Logf("%s: %d clients back %v after the port opened, %d attempts at most", kind, n, time.Since(start).Round(time.Millisecond), attempts.Load())
			require.LessOrEqual(t, attempts.Load(), int64(15))
			each(func(i int) error { return clients[i].Close() }, n, t)
			require.NoError(t, srv.Shutdown(t.Context()))
		})
	}
}

// each calls fn for 0 to n-1, some at a time.
func each(fn func(i int) error, n int, t *testing.T) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, n)
	gate := make(chan struct{}, 32)
	for i := range n {
		gate <- struct{}{}
		wg.Go(func() {
			errs[i] = fn(i)
			<-gate
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

// K5: a client that reconnects again and again keeps nothing of its connections.
func TestManyReconnects(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	n := amount(50, 10_000)
	in := carriertest.NewInjector(carriertest.Faults{})
	proxy, err := in.Proxy(s.addr)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, proxy.Close())
		require.NoError(t, in.Close())
	})
	s.url = "tcp://" + proxy.Addr()
	states := make(chan router.State, 100)
	c := s.dial(router.ClientOptions{MaxBackoff: time.Millisecond, OnState: func(st router.State) { states <- st }})
	require.True(t, (<-states).Connected)
	got := make(chan int, 100)
	_, err = c.AddRemoteListener(t.Context(), "s", "e", func(e sig.Event) {
		var i int
		_ = e.Decode(&i)
		got <- i
	})
	require.NoError(t, err)
	snd, err := c.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	before := resources(t)
	for i := range n {
		in.Reset()
		require.False(t, (<-states).Connected)
		require.NoError(t, e.Trigger(i))
		require.True(t, (<-states).Connected)
		require.Equal(t, i, <-got)
	}
	require.True(t, within(patience, func() bool { return s.srv.Stats().Conns == 1 }))
	after := resources(t)
	require.LessOrEqual(t, after.goroutines, before.goroutines+3)
	require.LessOrEqual(t, after.files, before.files+2)
	require.Less(t, int64(after.heap)-int64(before.heap), int64(16<<20))
}
