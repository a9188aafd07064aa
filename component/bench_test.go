package component_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/component"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// BenchmarkEcho sends a message to a component and waits for its reply, in one process and
// over TCP.
func BenchmarkEcho(b *testing.B) {
	run := func(b *testing.B, server, client sig.Bus) {
		s, err := component.Join(b.Context(), server, component.Options{Name: "server", Topics: []string{"reply"}})
		require.NoError(b, err)
		defer s.Close()
		require.NoError(b, s.Subscribe("echo"))
		c, err := component.Join(b.Context(), client, component.Options{Name: "client", Topics: []string{"echo"}})
		require.NoError(b, err)
		defer c.Close()
		require.NoError(b, c.Subscribe("reply"))
		ended := make(chan error)
		go func() {
			ended <- s.Receive(b.Context(), func(m component.Message) error { return s.Publish("reply", m.Data) })
		}()
		payload := map[string]int{"message_number": 10}
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, c.Publish("echo", payload))
			require.NoError(b, c.Receive(b.Context(), func(component.Message) error { return component.ErrStop }))
		}
		require.NoError(b, s.Close())
		require.ErrorIs(b, <-ended, component.ErrClosed)
	}
	b.Run("in process", func(b *testing.B) {
		r := router.New()
		defer r.Close()
		run(b, r, r)
	})
	b.Run("TCP", func(b *testing.B) {
		srv := sigrouter.NewServer()
		defer srv.Close()
		l, err := srv.Listen(b.Context(), "tcp://127.0.0.1:0")
		require.NoError(b, err)
		dial := func() sig.Bus {
			c, err := sigrouter.Dial(b.Context(), l.URL())
			require.NoError(b, err)
			b.Cleanup(func() { c.Close() })
			return c.Remote()
		}
		run(b, dial(), dial())
	})
}
