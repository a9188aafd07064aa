package sigmdns_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/carrier"
	sigmdns "github.com/sigrouter/sigrouter/contrib/mdns"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// loopback is the interface that both sides use in tests: what they say stays here.
func loopback(t *testing.T) *net.Interface {
	t.Helper()
	all, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return &i
		}
	}
	t.Skip("no loopback interface")
	return nil
}

// unique makes a name of this run: other tests on this machine are heard too.
func unique(name string) string { return fmt.Sprintf("%s-%d", name, os.Getpid()) }

// patient is a search for what is there: it ends when that is found.
func schemes(t *testing.T, timeout time.Duration) carrier.Schemes {
	s := sigrouter.Schemes()
	s["mdns"] = sigmdns.Scheme{Through: s, Interface: loopback(t), Timeout: timeout}
	return s
}

func dial(t *testing.T, url string, timeout time.Duration) (*router.ClientRouter, error) {
	t.Helper()
	return router.ClientOptions{Schemes: schemes(t, timeout)}.Dial(t.Context(), url)
}

// serve runs a router and lets it be found.
func serve(t *testing.T, name string, at ...string) *router.ServerRouter {
	t.Helper()
	srv := sigrouter.NewServer()
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	var urls []string
	for _, a := range at {
		l, err := srv.Listen(t.Context(), a)
		require.NoError(t, err)
		urls = append(urls, l.URL())
	}
	ad, err := sigmdns.Advert{Name: name, Interface: loopback(t)}.Start(urls...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ad.Close()) })
	return srv
}

func TestFindAndConnect(t *testing.T) {
	name := unique("kitchen")
	srv := serve(t, name, "tcp://127.0.0.1:0", "ws://127.0.0.1:0/a%20b", "unix:"+t.TempDir()+"/s")
	_, err := srv.AddSender("timer", sig.Answer("interval", func(context.Context, sig.Request) (any, error) { return 5, nil }))
	require.NoError(t, err)
	for url, by := range map[string]string{"mdns://" + name: "tcp", "mdns://" + name + "?via=ws": "ws"} {
		c, err := dial(t, url, 20*time.Second)
		require.NoError(t, err)
		n, err := sig.Ask[int](t.Context(), c.Remote(), "timer", "interval", nil)
		require.NoError(t, err)
		require.Equal(t, 5, n)
		require.Equal(t, by, srv.Peers()[0].Carrier)
		require.NoError(t, c.Close())
		require.Eventually(t, func() bool { return len(srv.Peers()) == 0 }, 10*time.Second, time.Millisecond)
	}
	_, err = dial(t, "mdns://"+name+"?via=tls", 20*time.Second)
	require.ErrorContains(t, err, "was found at tcp://127.0.0.1:")
	require.ErrorContains(t, err, "and not by tls")
}

func TestSearch(t *testing.T) {
	a, b := unique("aaa"), unique("bbb")
	serve(t, a, "tcp://127.0.0.1:0")
	serve(t, b, "tcp://127.0.0.1:0")
	s := sigmdns.Scheme{Interface: loopback(t), Timeout: 2 * time.Second}
	found := map[string]int{}
	require.Eventually(t, func() bool {
		all, err := s.Search(t.Context())
		require.NoError(t, err)
		for _, f := range all {
			found[f.Name] = len(f.URLs)
		}
		return found[a] == 1 && found[b] == 1
	}, 30*time.Second, time.Millisecond, "%v", found)
	_, err := dial(t, "mdns://", 2*time.Second)
	require.ErrorContains(t, err, "name one, as in mdns://")
}

// A router that is not there is told so, with what to do, when the search is over.
func TestNotFound(t *testing.T) {
	_, err := dial(t, "mdns://"+unique("nobody"), time.Second)
	require.ErrorContains(t, err, "no router \""+unique("nobody")+"\" has answered")
	require.ErrorContains(t, err, "UDP port 5353? Or give its address, as in tcp://host:3000")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = router.ClientOptions{Schemes: schemes(t, time.Hour)}.Dial(ctx, "mdns://nobody")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestAddressesThatMakeNoSense(t *testing.T) {
	for url, says := range map[string]string{
		"mdns://kitchen:3000":    "neither port nor path",
		"mdns://kitchen/sig":     "neither port nor path",
		"mdns://kitchen?x=1":     `unknown setting "x"; known are via`,
		"mdns://kitchen?via=udp": `via is "udp"; it can be tls, wss, tcp, ws`,
	} {
		_, err := dial(t, url, time.Hour)
		require.ErrorContains(t, err, says)
	}
	_, err := schemes(t, 0).Listen(t.Context(), "mdns://kitchen")
	require.ErrorContains(t, err, "have it found with sigmdns.Advert")
}

func TestAdvertsThatMakeNoSense(t *testing.T) {
	for _, c := range []struct{ name, url, says string }{
		{"", "tcp://0.0.0.0:1", "1 to 63 letters"},
		{"a.b", "tcp://0.0.0.0:1", "1 to 63 letters"},
		{"kitchen", "tcp://127.0.0.1:1", "nobody on the network can reach a router at tcp://127.0.0.1:1; listen at tcp://0.0.0.0:3000"},
		{"kitchen", "unix:/run/s", "nobody on the network"},
		{"kitchen", "tcp://example.com:1", "which has an address and not a name"},
	} {
		_, err := sigmdns.Advert{Name: c.name}.Start(c.url)
		require.ErrorContains(t, err, c.says)
	}
}
