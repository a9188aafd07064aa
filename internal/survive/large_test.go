package survive

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier/carriertest"
	"github.com/sigrouter/sigrouter/channel"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// L11: on a line of a mebibyte a second small events wait for one large message at worst.
// In parts, on a channel, a message eight times as large holds them up less than one that fits.
func TestSmallBesideLarge(t *testing.T) {
	for what, c := range map[string]struct {
		large func(*testing.T, *site, *router.ClientRouter) (send func() error, whole <-chan int)
		most  time.Duration
	}{
		"one event of 960 KiB":            {oneLargeEvent, 1200 * time.Millisecond},
		"4 MiB on a channel, 8 KiB parts": {largeOnChannel, 1200 * time.Millisecond},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSite(t, router.ServerOptions{})
			direct := s.url
			in := carriertest.NewInjector(carriertest.Faults{Rate: 1 << 20})
			proxy, err := in.Proxy(s.addr)
			require.NoError(t, err)
			t.Cleanup(func() {
				require.NoError(t, proxy.Close())
				require.NoError(t, in.Close())
			})
			s.url = "tcp://" + proxy.Addr()
			hearer := s.dial(router.ClientOptions{})
			s.url = direct
			send, whole := c.large(t, s, hearer)

			start := time.Now()
			var got atomic.Int64
			var took []time.Duration // of the goroutine that hears, until all are there
			_, err = hearer.AddRemoteListener(t.Context(), "small", "e", func(e sig.Event) {
				var at int64
				if e.Decode(&at) == nil {
					took = append(took, time.Since(start)-time.Duration(at))
					got.Add(1)
				}
			})
			require.NoError(t, err)
			snd, err := s.srv.AddSender("small", sig.Events("e"))
			require.NoError(t, err)
			e, err := snd.Signal("e")
			require.NoError(t, err)
			sent := make(chan error, 1)
			go func() { sent <- send() }()
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			n := int64(0)
			for arrived := false; !arrived; {
				select {
				case <-whole:
					arrived = true
				case <-tick.C:
					require.NoError(t, e.Trigger(int64(time.Since(start))))
					n++
				case <-time.After(patience):
					require.Fail(t, "the large message has not come")
				}
			}
			require.NoError(t, <-sent)
			require.True(t, within(patience, func() bool { return got.Load() == n }), "%d of %d", got.Load(), n)
			slices.Sort(took)
			t.Logf("%d small events beside it waited %v, at most %v", n, median(took), slices.Max(took))
			require.Greater(t, n, int64(50), "they were not beside it")
			require.LessOrEqual(t, slices.Max(took), c.most+time.Duration(amount(1000, 0))*time.Millisecond)
		})
	}
}

func oneLargeEvent(t *testing.T, s *site, hearer *router.ClientRouter) (func() error, <-chan int) {
	whole := make(chan int, 1)
	_, err := hearer.AddRemoteListener(t.Context(), "large", "e", func(e sig.Event) { whole <- 1 })
	require.NoError(t, err)
	snd, err := s.srv.AddSender("large", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	return func() error { return e.Trigger(strings.Repeat("x", 960<<10)) }, whole
}

func largeOnChannel(t *testing.T, s *site, hearer *router.ClientRouter) (func() error, <-chan int) {
	whole := make(chan int, 1)
	to, err := channel.Join(t.Context(), hearer.Remote(), channel.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = to.Close() })
	_, err = channel.Subscribe(t.Context(), to, "large", "bytes", func(m channel.Message[[]byte]) { whole <- len(m.Data) })
	require.NoError(t, err)
	from, err := channel.Join(t.Context(), s.dial(router.ClientOptions{}).Remote(), channel.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = from.Close() })
	pub, err := channel.NewPublisher[[]byte](t.Context(), from, "large", "bytes", channel.Part(8<<10))
	require.NoError(t, err)
	return func() error { return pub.Publish(make([]byte, 4<<20)) }, whole
}
