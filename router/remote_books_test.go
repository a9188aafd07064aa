package router_test

import (
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A server that was started anew gives out ids that other listeners of the client had
// before. Events that come while the client adds its listeners again must not reach those.
func TestIDsOfAnotherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quiet := slog.New(slog.DiscardHandler)
		schemes := carrier.NewSchemes(local.NewNetwork())
		// The server keeps a value of each event; a few listeners of its own move the ids.
		start := func(listeners int) *router.ServerRouter {
			srv := router.ServerOptions{Options: router.Options{Logger: quiet}, Schemes: schemes}.New()
			for range listeners {
				_, err := srv.AddListener("nobody", "nothing", func(sig.Event) {})
				require.NoError(t, err)
			}
			_, err := srv.AddSender("s", sig.RetainValue("a", "of a"), sig.RetainValue("b", "of b"), sig.RetainValue("c", "of c"))
			require.NoError(t, err)
			_, err = srv.Listen(t.Context(), "local://books")
			require.NoError(t, err)
			return srv
		}
		srv := start(0)
		defer func() { require.NoError(t, srv.Close()) }()
		c, err := router.ClientOptions{Options: router.Options{Logger: quiet}, Schemes: schemes}.Dial(t.Context(), "local://books")
		require.NoError(t, err)
		defer c.Close()
		var mu sync.Mutex
		got := map[string][]string{}
		for _, event := range []string{"a", "b", "c"} {
			_, err := c.AddRemoteListener(t.Context(), "s", event, func(e sig.Event) {
				mu.Lock()
				defer mu.Unlock()
				got[event] = append(got[event], e.Name)
			})
			require.NoError(t, err)
		}
		want := map[string][]string{"a": {"a"}, "b": {"b"}, "c": {"c"}}
		for moved := range 4 {
			synctest.Wait()
			mu.Lock()
			require.Equal(t, want, got, "after %d starts", moved)
			clear(got)
			mu.Unlock()
			require.NoError(t, srv.Close())
			srv = start(moved)
			time.Sleep(time.Minute)
		}
	})
}
