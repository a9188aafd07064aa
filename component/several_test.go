package component_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/component"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/router/routertest"
	"github.com/sigrouter/sigrouter/sig"
)

// Row B13, done right: several backplanes at once, each with topics of its own.
func TestSeveralBackplanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		home, garden := routertest.New(t), routertest.New(t)
		atHome := join(t, home.Client("").Remote(), component.Options{Name: "lamp"})
		inGarden := join(t, garden.Server, component.Options{Name: "pump"})
		require.NoError(t, atHome.Subscribe(""))
		require.NoError(t, inGarden.Subscribe(""))

		c, err := component.New(component.Options{Name: "bridge"})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		require.ErrorIs(t, c.Publish("x", 1), sig.ErrNotConnected)
		one, err := c.Join(t.Context(), "home", home.Client("").Remote())
		require.NoError(t, err)
		two, err := c.Join(t.Context(), "garden", garden.Client("").Remote())
		require.NoError(t, err)
		_, err = c.Join(t.Context(), "home", router.New())
		require.ErrorIs(t, err, sig.ErrTaken)

		require.NoError(t, c.Publish("all", "1"))
		require.NoError(t, one.Publish("here", "2"))
		require.Equal(t, []string{"all 1", "here 2"}, take(t, atHome))
		require.Equal(t, []string{"all 1"}, take(t, inGarden))

		require.NoError(t, one.Subscribe("a"))
		require.NoError(t, two.Subscribe("b"))
		for _, topic := range []string{"a", "b"} {
			require.NoError(t, atHome.Publish(topic, "from home"))
			require.NoError(t, inGarden.Publish(topic, "from the garden"))
		}
		synctest.Wait()
		var got []string
		require.NoError(t, c.Receive(t.Context(), func(m component.Message) error {
			got = append(got, m.Backplane+" "+m.Topic+" "+m.From)
			if len(got) == 2 {
				return component.ErrStop
			}
			return nil
		}))
		require.ElementsMatch(t, []string{"home a lamp", "garden b pump"}, got)
		require.Zero(t, c.Waiting())

		found, ok := c.Backplane("garden")
		require.True(t, ok)
		require.Same(t, two, found)
		_, ok = c.Backplane("attic")
		require.False(t, ok)

		require.NoError(t, two.Leave())
		require.NoError(t, two.Leave())
		require.ErrorIs(t, two.Publish("x", 1), component.ErrClosed)
		require.ErrorIs(t, two.Subscribe("x"), component.ErrClosed)
		require.NoError(t, c.Publish("all", "3"), "goes on at the other")
		require.Len(t, c.Backplanes(), 1)
		take(t, inGarden)
		take(t, atHome)
	})
}

// One backplane out of reach does not keep the others from anything.
func TestOneOfSeveralIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here := router.New()
		defer here.Close()
		there := router.New()
		c := join(t, there, component.Options{Name: "c", Backplane: "there"})
		_, err := c.Join(t.Context(), "here", here)
		require.NoError(t, err)
		sub := join(t, here, component.Options{Name: "sub"})
		require.NoError(t, sub.Subscribe("x"))
		require.NoError(t, there.Close())
		require.ErrorIs(t, c.Publish("x", "1"), sig.ErrShuttingDown)
		require.Equal(t, []string{"x 1"}, take(t, sub))
	})
}
