package router_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/router/routertest"
	"github.com/sigrouter/sigrouter/sig"
)

// TestInspectListenersOfAPeer asks what one peer listens to.
func TestInspectListenersOfAPeer(t *testing.T) {
	site := routertest.New(t)
	s, ana, bob := site.Server, site.Client("ana"), site.Client("bob")
	nothing := func(sig.Event) {}
	_, err := ana.AddRemoteListener(t.Context(), "kitchen.>", "temperature", nothing)
	require.NoError(t, err)
	_, err = bob.AddRemoteListener(t.Context(), "door", "opened", nothing)
	require.NoError(t, err)
	_, err = s.AddListener("door", "opened", nothing)
	require.NoError(t, err)
	for i, want := range []string{"kitchen.>", "door"} {
		resp, err := bob.RemoteRequest(t.Context(), router.Inspector, "listeners", map[string]any{"peer": s.Peers()[i].ID})
		require.NoError(t, err)
		list, err := sig.As[[]router.ListenerStatus](resp.Data)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, want, list[0].Sender)
	}
	resp, err := bob.RemoteRequest(t.Context(), router.Inspector, "listeners", nil)
	require.NoError(t, err)
	list, err := sig.As[[]router.ListenerStatus](resp.Data)
	require.NoError(t, err)
	require.Len(t, list, 1, "of this process")
	_, err = bob.RemoteRequest(t.Context(), router.Inspector, "listeners", map[string]any{"peer": "x"})
	require.ErrorIs(t, err, sig.ErrInvalid)
}
