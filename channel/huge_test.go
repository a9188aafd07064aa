package channel_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/tcp"
	"github.com/sigrouter/sigrouter/channel"
	"github.com/sigrouter/sigrouter/router"
)

// 64 MiB over TCP arrive whole, at two subscribers, and small messages between the same
// two processes do not wait for them.
func TestHugeMessage(t *testing.T) {
	size := 64 << 20
	if raceEnabled || testing.Short() {
		size = 8 << 20
	}
	schemes := carrier.NewSchemes(tcp.Scheme{})
	srv := router.ServerOptions{Schemes: schemes, Options: router.Options{Logger: quiet}}.New()
	defer srv.Close()
	l, err := srv.Listen(t.Context(), "tcp://127.0.0.1:0")
	require.NoError(t, err)
	dial := func() *channel.Party {
		c, err := router.ClientOptions{Schemes: schemes, Options: router.Options{Logger: quiet}}.Dial(t.Context(), l.URL())
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return join(t, c.Remote(), channel.Options{})
	}
	from, to, also := dial(), dial(), dial()

	want := pattern(size)
	arrived := make(chan bool, 2)
	for _, p := range []*channel.Party{to, also} {
		subscribe(t, p, "large", "bytes", func(m channel.Message[[]byte]) { arrived <- bytes.Equal(want, m.Data) })
	}
	echo := publisher[time.Time](t, to, "echo", "")
	subscribe(t, to, "small", "", func(m channel.Message[time.Time]) { _ = echo.Publish(m.Data) })
	back := make(chan time.Duration, 1)
	subscribe(t, from, "echo", "", func(m channel.Message[time.Time]) { back <- time.Since(m.Data) })
	small := publisher[time.Time](t, from, "small", "")
	large := publisher[[]byte](t, from, "large", "bytes")

	begin := time.Now()
	done := make(chan error, 1)
	go func() { done <- large.Publish(want) }()
	var trips int
	var worst, sum time.Duration
	for whole := 0; whole < 2; {
		require.NoError(t, small.Publish(time.Now()))
		select {
		case took := <-back:
			trips++
			sum += took
			worst = max(worst, took)
		case <-time.After(10 * time.Second):
			t.Fatal("a small message was held up for 10 s")
		}
		select {
		case ok := <-arrived:
			require.True(t, ok, "it arrived changed")
			whole++
		default:
		}
		require.Less(t, time.Since(begin), 2*time.Minute)
	}
	require.NoError(t, <-done)
	all := time.Since(begin)
	t.Logf("%d MiB to two in %v, %.0f MiB/s; %d round trips of small messages meanwhile, %v on average, %v at worst",
		size>>20, all.Round(time.Millisecond), float64(size>>20)/all.Seconds(), trips, sum/time.Duration(trips), worst)
	require.Greater(t, trips, 20)
	require.Less(t, worst, all/2, "a small message waited for the large one")
}
