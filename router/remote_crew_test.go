package router_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// asks is one write with a request for each name: method m of sender s with it as params.
func asks(names ...string) []byte {
	var b strings.Builder
	for i, name := range names {
		fmt.Fprintf(&b, `{"id":%d,"method":"request","params":{"sender":"s","method":"m","params":%q}}`, i+10, name)
	}
	return []byte(b.String())
}

func newCrewSite(t *testing.T, handler func(name string)) *rawPeer {
	s := newSite(t, router.ServerOptions{})
	_, err := s.srv.AddSender("s", sig.Answer("m", func(_ context.Context, r sig.Request) (any, error) {
		var name string
		if err := r.Decode(&name); err != nil {
			return nil, err
		}
		handler(name)
		return name, nil
	}))
	require.NoError(t, err)
	c := dialRaw(t, s.schemes, s.url)
	require.Zero(t, c.ask(helloWith("")).Status)
	return c
}

func (r *rawPeer) names(n int) []string {
	var names []string
	for range n {
		names = append(names, strings.Trim(string(r.reply().Response), `"`))
	}
	return names
}

// Requests that came together are served at once: the first may wait for the last.
func TestCrewHandlersWaitForEachOther(t *testing.T) {
	turn := map[string]chan struct{}{"a": make(chan struct{}), "b": make(chan struct{}), "c": make(chan struct{}), "d": make(chan struct{})}
	c := newCrewSite(t, func(name string) {
		if next := string(name[0] + 1); turn[next] != nil {
			<-turn[next]
		}
		close(turn[name])
	})
	require.NoError(t, c.Send(asks("a", "b", "c", "d")))
	require.ElementsMatch(t, []string{"d", "c", "b", "a"}, c.names(4))
}

// A reply does not wait for handlers that were begun later and take long.
func TestCrewReplyIsNotHeldBack(t *testing.T) {
	release := make(chan struct{})
	c := newCrewSite(t, func(name string) {
		if strings.HasPrefix(name, "slow") {
			<-release
		}
	})
	for range 50 {
		require.NoError(t, c.Send(asks("quick", "slow", "quick", "slow2")))
		require.Equal(t, []string{"quick", "quick"}, c.names(2))
		require.NoError(t, c.Send(asks("alone")))
		require.Equal(t, []string{"alone"}, c.names(1))
	}
	close(release)
	c.names(100)
}

// A handler that ends its goroutine takes none of those that came with it along.
func TestCrewGoexit(t *testing.T) {
	c := newCrewSite(t, func(name string) {
		if name == "ends" {
			runtime.Goexit()
		}
	})
	require.NoError(t, c.Send(asks("a", "ends", "b", "ends", "c", "ends")))
	failed := 0
	for range 6 {
		if r := c.reply(); r.Status != 0 {
			require.Contains(t, r.Exception, "ended its goroutine")
			failed++
		}
	}
	require.Equal(t, 3, failed)
}
