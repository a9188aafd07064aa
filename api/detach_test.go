package api_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/sig"
)

// A poked is the server's half of an instance, which calls the other.
type poked struct{ half *api.Remote }

func (p poked) Poke(ctx context.Context) (string, error) {
	return api.Ask[string](ctx, p.half, "name")
}

// A half is the client's half.
type half struct{ name string }

func (h half) Name() string { return h.name }

// Row X19 of xbahn, done right: a half that is taken away takes no other with it. And who
// calls it is told, instead of waiting.
func TestDetachOne(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		all, err := api.ExposeEach(local, "demo", func(_ context.Context, i *api.Instance) (poked, error) {
			return poked{i.Peer()}, nil
		}, api.PerClient())
		require.NoError(t, err)
		defer all.Close()
		client, err := api.NewClient(caller, "client", api.None{})
		require.NoError(t, err)
		defer client.Close()
		halves := map[string]*api.Remote{}
		for _, id := range []string{"a", "b"} {
			halves[id], err = api.Attach(client, "demo", id, half{id})
			require.NoError(t, err)
		}
		client.Detach("demo", "a")
		name, err := api.Ask[string](t.Context(), halves["b"], "poke")
		require.NoError(t, err)
		require.Equal(t, "b", name)
		_, err = api.Ask[string](t.Context(), halves["a"], "poke")
		require.ErrorIs(t, err, sig.ErrNoSender)
		require.ErrorContains(t, err, "has no half of demo.a; it left, or never attached one")

		halves["a"], err = api.Attach(client, "demo", "a", half{"again"})
		require.NoError(t, err)
		name, err = api.Ask[string](t.Context(), halves["a"], "poke")
		require.NoError(t, err)
		require.Equal(t, "again", name)
	})
}
