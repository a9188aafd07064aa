package component_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sigrouter/sigrouter/component"
	"github.com/sigrouter/sigrouter/internal/bustest"
	"github.com/sigrouter/sigrouter/sig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// join adds a component that must have nothing to report, unless its options say where to.
func join(t *testing.T, b sig.Bus, o component.Options) *component.Component {
	t.Helper()
	var errs bustest.Errors
	if o.OnError == nil {
		o.OnError = errs.Add
	}
	c, err := component.Join(t.Context(), b, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.Close())
		require.NoError(t, errs.Take(), "what %s reported", o.Name)
	})
	return c
}

// take returns the topics and payloads that have come for the component, as text.
func take(t *testing.T, c *component.Component) []string {
	t.Helper()
	synctest.Wait()
	got := []string{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if c.Waiting() == 0 {
		return got
	}
	require.NoError(t, c.Receive(ctx, func(m component.Message) error {
		var text string
		require.NoError(t, m.Decode(&text))
		got = append(got, m.Topic+" "+text)
		if c.Waiting() == 0 {
			return component.ErrStop
		}
		return nil
	}))
	return got
}
