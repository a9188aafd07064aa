package gate

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func addr(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 1234} }

func TestGatePerAddress(t *testing.T) {
	g := New(100, 2)
	open := make(chan struct{})
	for _, a := range []string{"192.0.2.1", "2001:db8::1"} {
		require.True(t, g.Enter(open, addr(a)))
		require.True(t, g.Enter(open, addr(a)))
		require.False(t, g.Enter(open, addr(a)))
		g.Leave(addr(a))
		require.True(t, g.Enter(open, addr(a)))
	}
	require.False(t, g.Enter(open, addr("2001:db8::ffff")), "the same subscriber")
	require.True(t, g.Enter(open, addr("2001:db8:1::1")))
	require.Equal(t, uint64(3), g.Refused())
	for range 10 {
		require.True(t, g.Enter(open, addr("127.0.0.1")))
		require.True(t, g.Enter(open, addr("::1")))
		require.True(t, g.Enter(open, &net.UnixAddr{Name: "@"}))
	}
}

func TestGateFull(t *testing.T) {
	g := New(2, 1)
	done := make(chan struct{})
	a, b, c := addr("192.0.2.1"), addr("192.0.2.2"), addr("192.0.2.3")
	require.True(t, g.Enter(done, a))
	require.True(t, g.Enter(done, b))
	entered := make(chan bool)
	go func() { entered <- g.Enter(done, c) }()
	select {
	case <-entered:
		t.Fatal("entered a full gate")
	default:
	}
	g.Leave(a)
	require.True(t, <-entered)

	go func() { entered <- g.Enter(done, a) }()
	close(done)
	require.False(t, <-entered)
	g.Leave(b)
	g.Leave(c)
	require.Empty(t, g.hosts)
	require.Empty(t, g.places)
}

func TestDefaults(t *testing.T) {
	g := New(0, 0)
	require.Equal(t, DefaultMax, cap(g.places))
	require.Equal(t, DefaultMaxHost, g.max)
}
