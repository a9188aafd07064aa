package channel_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/channel"
	"github.com/sigrouter/sigrouter/internal/bustest"
	"github.com/sigrouter/sigrouter/sig"
)

// settle lets clients connect again, and all that follows.
func settle() {
	time.Sleep(time.Minute)
	synctest.Wait()
}

// What parties have at a router is there again after it was started anew.
func TestRouterRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		a, b := join(t, n.dial().Remote(), channel.Options{Name: "a"}), join(t, n.dial().Remote(), channel.Options{Name: "b"})
		var counts, heard list[int]
		pub := publisher[int](t, a, "c", "x", channel.Retain(), channel.Limit(2), channel.OnSubscribers(counts.add))
		sub := subscribe(t, b, "c", "x", heard.message)
		large := publisher[[]byte](t, a, "d", "")
		var sizes list[int]
		subscribe(t, b, "d", "", func(m channel.Message[[]byte]) { sizes.add(len(m.Data)) })
		require.NoError(t, pub.Publish(1))
		require.NoError(t, large.Publish(pattern(1<<20)))
		require.Equal(t, []int{1}, heard.take())
		require.Equal(t, []int{1 << 20}, sizes.take())

		n.stop()
		synctest.Wait()
		require.False(t, a.Connected())
		counts.take()
		require.NoError(t, pub.Publish(2), "it waits for the connection")
		require.NoError(t, pub.Publish(3))
		require.ErrorIs(t, pub.Publish(4), channel.ErrFull)
		n.start()
		settle()
		require.True(t, a.Connected())
		require.Zero(t, pub.Waiting())
		require.Equal(t, 1, pub.Subscribers())
		require.Contains(t, heard.take(), 3)
		require.NoError(t, pub.Err())
		require.NoError(t, sub.Err())

		c := join(t, n.dial().Remote(), channel.Options{})
		_, err := channel.NewPublisher[int](t.Context(), c, "c", "y")
		require.ErrorIs(t, err, channel.ErrType)
		var late list[int]
		subscribe(t, c, "c", "x", late.message)
		require.Equal(t, []int{3}, late.take(), "the retained value is there again")
		require.NoError(t, pub.Publish(5))
		require.Equal(t, []int{5}, late.take())
		require.Equal(t, 2, pub.Subscribers())
		require.NoError(t, large.Publish(pattern(1<<20)))
		require.Equal(t, []int{1 << 20}, sizes.take())
	})
}

// Who answers for a type may lose its connection: another takes over, and the type stays.
func TestHolderIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		a, b := join(t, n.dial().Remote(), channel.Options{Name: "a"}), join(t, n.dial().Remote(), channel.Options{Name: "b"})
		first := publisher[int](t, a, "c", "x")
		second := publisher[int](t, b, "c", "x")
		holder := func() string {
			all, err := n.srv.Senders(t.Context())
			require.NoError(t, err)
			for _, s := range all {
				if s.Name != nil && *s.Name == "channel.type.c" && s.Connected {
					return s.Events[0]
				}
			}
			return ""
		}
		require.Equal(t, "by:channel.pub.a.c", holder())
		n.cut(0)
		synctest.Wait()
		require.Equal(t, "by:channel.pub.b.c", holder())
		settle()
		require.Equal(t, "by:channel.pub.b.c", holder())
		require.NoError(t, first.Err())
		require.NoError(t, second.Err())
		shut(t, second)
		synctest.Wait()
		require.Equal(t, "by:channel.pub.a.c", holder())
		shut(t, first)
		synctest.Wait()
		require.Empty(t, holder())
	})
}

// Who was away while others gave the channel another type is refused when it comes back.
func TestTypeChangedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		var errs bustest.Errors
		a := join(t, n.dial().Remote(), channel.Options{Name: "a", OnError: errs.Add})
		pub := publisher[int](t, a, "c", "x")
		sub := subscribe(t, a, "c", "x", func(channel.Message[int]) {})
		b := join(t, n.dial().Remote(), channel.Options{Name: "b"})
		n.cut(0)
		synctest.Wait()
		newer := publisher[int](t, b, "c", "y")
		settle()
		require.ErrorIs(t, pub.Err(), channel.ErrType)
		require.ErrorIs(t, sub.Err(), channel.ErrType)
		require.ErrorIs(t, pub.Publish(1), channel.ErrType)
		require.ErrorIs(t, errs.Take(), channel.ErrType)
		require.NoError(t, newer.Publish(1))
		require.NoError(t, newer.Err())
		shut(t, pub)
		require.ErrorIs(t, pub.Err(), channel.ErrType, "it keeps the reason")
	})
}

// A large message survives cuts of either connection.
func TestLargeMessageIsCut(t *testing.T) {
	for name, which := range map[string]int{"of the publisher": 0, "of the subscriber": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t)
				a, b := join(t, n.dial().Remote(), channel.Options{Name: "a"}), join(t, n.dial().Remote(), channel.Options{Name: "b"})
				pub := publisher[[]byte](t, a, "c", "")
				var heard list[[]byte]
				subscribe(t, b, "c", "", heard.message)
				parts := 0
				_, err := n.srv.AddListener(sig.Any, "c:part", func(sig.Event) {
					if parts++; parts == 10 {
						n.cut(which)
					}
				})
				require.NoError(t, err)
				want := pattern(2 << 20)
				require.NoError(t, pub.Publish(want))
				settle()
				requireWhole(t, want, heard.take())
			})
		})
	}
}
