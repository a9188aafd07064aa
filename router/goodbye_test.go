package router_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A client that was closed is told apart from one that was cut off.
func TestReasonOfGoodbye(t *testing.T) {
	gone := make(chan error, 1)
	s := newSite(t, router.ServerOptions{OnPeer: func(e router.PeerEvent) {
		if e.Gone {
			gone <- e.Reason
		}
	}})
	c := s.dial(t, router.ClientOptions{})
	require.NoError(t, c.Close())
	err := <-gone
	require.EqualError(t, err, `it said goodbye: "the client is closing"`)
	require.ErrorIs(t, err, sig.ErrNotConnected)

	line := newCable(t, s.hostport(t))
	(&site{schemes: s.schemes, url: line.url()}).dial(t, router.ClientOptions{NoReconnect: true})
	line.cut()
	require.NotContains(t, (<-gone).Error(), "goodbye")
}
