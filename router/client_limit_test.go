package router_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// An event that is longer than the server takes fails at the client, and the connection
// stays.
func TestTriggerMoreThanTheServerTakes(t *testing.T) {
	s := newSite(t, router.ServerOptions{Limits: carrier.Limits{MaxMessage: 20_000}})
	got := newCollect()
	_, err := s.srv.AddListener("s", "e", got.listen)
	require.NoError(t, err)
	c := s.dial(t, router.ClientOptions{})
	snd, err := c.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	require.ErrorIs(t, e.Trigger(strings.Repeat("x", 30_000)), sig.ErrLimit)
	require.NoError(t, e.Trigger("short"))
	require.Equal(t, `"short"`, string(got.next(t).Data.(*sig.Raw).Bytes))
}
