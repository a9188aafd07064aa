package component_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/component"
	"github.com/sigrouter/sigrouter/internal/bustest"
)

// Row B9: of messages published at full speed over TCP to a component that does nothing for a
// while, all are accounted for, its connection holds, and the newest are those it has.
func TestFlood(t *testing.T) {
	srv := sigrouter.NewServer()
	defer srv.Close()
	l, err := srv.Listen(t.Context(), "tcp://127.0.0.1:0")
	require.NoError(t, err)
	join := func(o component.Options) *component.Component {
		client, err := sigrouter.Dial(t.Context(), l.URL())
		require.NoError(t, err)
		t.Cleanup(func() { client.Close() })
		c, err := component.Join(t.Context(), client.Remote(), o)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	var errs bustest.Errors
	sub := join(component.Options{Name: "sub", OnError: errs.Add})
	require.NoError(t, sub.Subscribe("n"))
	require.NoError(t, sub.Subscribe("end"))
	pub := join(component.Options{Name: "pub", Topics: []string{"n", "end"}})

	const sent = 20_000
	for i := range sent {
		require.NoError(t, pub.Publish("n", i))
	}
	require.Eventually(t, func() bool { return sub.Backplanes()[0].Status().Received >= sent }, time.Minute, time.Millisecond)
	require.NoError(t, pub.Publish("end", nil))
	handled, last := 0, -1
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, sub.Receive(ctx, func(m component.Message) error {
		if m.Topic == "end" {
			return component.ErrStop
		}
		handled++
		return m.Decode(&last)
	}))
	require.NoError(t, ctx.Err())
	require.Equal(t, sent-1, last)
	require.EqualValues(t, sent, uint64(handled)+sub.Dropped())
	require.NotZero(t, sub.Dropped())
	require.ErrorContains(t, errs.Take(), "messages dropped: more came than sub handled")
}
