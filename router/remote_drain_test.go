package router_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier/carriertest"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// Promise 16, while everybody goes on sending: what the server has dispatched reaches
// those who read, and Shutdown does not wait for the senders to become tired.
func TestShutdownUnderLoad(t *testing.T) {
	for _, local := range []bool{false, true} { // a listener of the server's own changes the way events take
		s := newSite(t, router.ServerOptions{})
		var dispatched atomic.Int64
		if local {
			_, err := s.srv.AddListener("s", "e", func(sig.Event) { dispatched.Add(1) })
			require.NoError(t, err)
		}
		var gone atomic.Int32
		opts := router.ClientOptions{NoReconnect: true, OnState: func(st router.State) {
			if !st.Connected {
				gone.Add(1)
			}
		}}
		// Acknowledgements take their time: there is always something in flight.
		far := carriertest.NewInjector(carriertest.Faults{Latency: 20 * time.Millisecond})
		proxy, err := far.Proxy(s.hostport(t))
		require.NoError(t, err)
		listening := &site{schemes: s.schemes, url: "tcp://" + proxy.Addr()}
		var counts [3]atomic.Int64
		var last atomic.Int64 // event number
		for i := range counts {
			_, err := listening.dial(t, opts).AddRemoteListener(t.Context(), "s", "e", func(e sig.Event) {
				var n int64
				if err := e.Decode(&n); err != nil || n != counts[i].Add(1) {
					t.Errorf("listener %d got %v (%v) as number %d", i, e.Data, err, counts[i].Load())
				}
			})
			require.NoError(t, err)
		}
		a := s.dial(t, opts)
		snd, err := a.AddRemoteSender(t.Context(), "s", sig.Events("e"))
		require.NoError(t, err)
		e, err := snd.Signal("e")
		require.NoError(t, err)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if e.Trigger(last.Load()+1) == nil {
					last.Add(1)
				}
				if last.Load()%20 == 0 {
					time.Sleep(100 * time.Microsecond) // its pace: up to 200,000 a second
				}
			}
		})
		require.Eventually(t, func() bool { return counts[0].Load() > 1000 }, 20*time.Second, time.Millisecond)
		require.NoError(t, s.srv.Shutdown(t.Context()), "it was all taken in time")
		require.Eventually(t, func() bool { return gone.Load() == 4 }, 10*time.Second, time.Millisecond)
		close(stop)
		wg.Wait()
		require.Eventually(t, func() bool {
			return counts[0].Load() == counts[1].Load() && counts[1].Load() == counts[2].Load()
		}, 10*time.Second, time.Millisecond, "all three have the same")
		if local {
			require.Equal(t, dispatched.Load(), counts[0].Load())
		}
		require.Less(t, counts[0].Load(), last.Load())
		require.NoError(t, proxy.Close())
		require.NoError(t, far.Close())
	}
}

// A handler that ends its goroutine is answered for, at the server and at a client.
func TestRemoteGoexit(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	ends := sig.Answer("m", func(context.Context, sig.Request) (any, error) {
		runtime.Goexit()
		return nil, nil
	})
	_, err := s.srv.AddSender("own", ends)
	require.NoError(t, err)
	a, b := s.dial(t, router.ClientOptions{}), s.dial(t, router.ClientOptions{})
	_, err = a.AddRemoteSender(t.Context(), "far", ends)
	require.NoError(t, err)
	for _, sender := range []string{"own", "far"} {
		_, err := b.RemoteRequest(t.Context(), sender, "m", nil)
		require.ErrorContains(t, err, "ended its goroutine")
	}
	require.Zero(t, s.srv.Stats().Calls)
}
