package local_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/carriertest"
	"github.com/sigrouter/sigrouter/carrier/local"
)

func TestConn(t *testing.T) {
	carriertest.Run(t, func(*testing.T) (a, b carrier.Conn) { return local.Pair() })
}

func TestNetwork(t *testing.T) {
	var n local.Network
	u := &url.URL{Scheme: "local", Host: "x"}
	_, err := n.Dial(t.Context(), u)
	require.ErrorContains(t, err, "nobody listens")
	l, err := n.Listen(t.Context(), u)
	require.NoError(t, err)
	require.Equal(t, "local://x", l.URL())
	_, err = n.Listen(t.Context(), u)
	require.ErrorContains(t, err, "taken")
	go func() {
		c, err := l.Accept()
		if err == nil {
			_ = c.Send([]byte(`{}`))
		}
	}()
	c, err := n.Dial(t.Context(), u)
	require.NoError(t, err)
	f, err := c.Recv()
	require.NoError(t, err)
	require.Equal(t, `{}`, string(f))
	require.NoError(t, l.Close())
	_, err = n.Dial(t.Context(), u)
	require.ErrorContains(t, err, "nobody listens")
	_, err = n.Listen(t.Context(), &url.URL{Scheme: "local", Host: "x", RawQuery: "size=3"})
	require.ErrorContains(t, err, `unknown setting "size"`)
}
