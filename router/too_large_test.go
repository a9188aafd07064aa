package router_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// What is too long for a message fails where it is asked or answered; the connection and
// all else that goes over it stay.
func TestRequestsThatAreTooLarge(t *testing.T) {
	overCarriers(t, router.ServerOptions{}, func(t *testing.T, s *site) {
		large := strings.Repeat("x", 2<<20)
		answers := []sig.SenderOption{
			sig.Answer("large", func(context.Context, sig.Request) (any, error) { return large, nil }),
			sig.Answer("small", func(context.Context, sig.Request) (any, error) { return "x", nil }),
		}
		down := 0
		caller := s.dial(t, router.ClientOptions{OnState: func(st router.State) {
			if !st.Connected {
				down++
			}
		}})
		owner := s.dial(t, router.ClientOptions{})
		_, err := s.srv.AddSender("here", answers...)
		require.NoError(t, err)
		_, err = owner.AddRemoteSender(t.Context(), "there", answers...)
		require.NoError(t, err)
		for _, sender := range []string{"here", "there"} {
			_, err = caller.RemoteRequest(t.Context(), sender, "large", nil)
			require.ErrorIs(t, err, sig.ErrLimit)
			require.ErrorContains(t, err, "a response of 2097154 bytes is more than the other side takes, 1047552 (MaxMessage)")
			_, err = caller.RemoteRequest(t.Context(), sender, "small", large)
			require.ErrorIs(t, err, sig.ErrLimit)
			got, err := sig.Ask[string](t.Context(), caller.Remote(), sender, "small", large[:1<<19])
			require.NoError(t, err)
			require.Equal(t, "x", got)
		}
		_, err = s.srv.Request(t.Context(), "there", "small", large)
		require.ErrorIs(t, err, sig.ErrLimit)
		_, err = s.srv.Request(t.Context(), "there", "large", nil)
		require.ErrorIs(t, err, sig.ErrLimit)

		// As many events as do not fit into one answer.
		long := strings.Repeat("e", 200)
		for i := range 1 << 13 {
			_, err := s.srv.AddListener("nobody", fmt.Sprint(long, i), func(sig.Event) {})
			require.NoError(t, err)
		}
		_, err = caller.Remote().Senders(t.Context())
		require.ErrorIs(t, err, sig.ErrLimit)
		require.Zero(t, down)
		require.Len(t, s.srv.Peers(), 2)
	})
}
