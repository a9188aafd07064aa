package tcp_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/carriertest"
	"github.com/sigrouter/sigrouter/carrier/tcp"
)

func parse(t *testing.T, s string) *url.URL {
	u, err := url.Parse(s)
	require.NoError(t, err)
	return u
}

func pair(t *testing.T) (a, b carrier.Conn) {
	l, err := tcp.Scheme{}.Listen(t.Context(), parse(t, "tcp://127.0.0.1:0"))
	require.NoError(t, err)
	defer l.Close()
	accepted := make(chan carrier.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	a, err = tcp.Scheme{}.Dial(t.Context(), parse(t, l.URL()))
	require.NoError(t, err)
	return a, <-accepted
}

func TestConn(t *testing.T) { carriertest.Run(t, pair) }

func TestListenTaken(t *testing.T) {
	l, err := tcp.Scheme{}.Listen(t.Context(), parse(t, "tcp://127.0.0.1:0"))
	require.NoError(t, err)
	defer l.Close()
	_, err = tcp.Scheme{}.Listen(t.Context(), parse(t, l.URL()))
	require.ErrorContains(t, err, "another program listens at")
	_, err = tcp.Scheme{}.Listen(t.Context(), parse(t, "tcp://127.0.0.1:0?bud=1"))
	require.ErrorContains(t, err, `unknown setting "bud"`)
}

func TestInfo(t *testing.T) {
	a, b := pair(t)
	defer a.Close()
	defer b.Close()
	info := a.(carrier.Describer).Info()
	require.Equal(t, "tcp", info.Carrier)
	require.True(t, info.Loopback)
	require.Equal(t, info.Local, b.(carrier.Describer).Info().Remote)
}
