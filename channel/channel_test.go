package channel_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/channel"
	"github.com/sigrouter/sigrouter/internal/bustest"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

func subscribe[T any](t testing.TB, p *channel.Party, name, typ string, fn func(channel.Message[T]), opts ...channel.SubOption) *channel.Subscriber {
	t.Helper()
	s, err := channel.Subscribe(t.Context(), p, name, typ, fn, opts...)
	require.NoError(t, err)
	return s
}

func publisher[T any](t testing.TB, p *channel.Party, name, typ string, opts ...channel.PubOption) *channel.Publisher[T] {
	t.Helper()
	pub, err := channel.NewPublisher[T](t.Context(), p, name, typ, opts...)
	require.NoError(t, err)
	return pub
}

func TestPublish(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		ana, bob := join(t, bus(), channel.Options{Name: "ana"}), join(t, bus(), channel.Options{Name: "bob"})
		var heard, own list[channel.Message[string]]
		subscribe(t, bob, "chat", "text", heard.add)
		subscribe(t, ana, "chat", "text", own.add)
		pub := publisher[string](t, ana, "chat", "text")
		require.NoError(t, pub.Publish("hello"))
		want := []channel.Message[string]{{From: "ana", Data: "hello"}}
		require.Equal(t, want, heard.take())
		require.Equal(t, want, own.take(), "a party hears itself, as in Echo")

		shut(t, pub)
		require.ErrorIs(t, pub.Publish("more"), channel.ErrClosed)
		require.Empty(t, heard.take())
	})
}

// A subscriber that comes first, and one for each channel alone.
func TestChannelsAreApart(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		a, b := join(t, bus(), channel.Options{}), join(t, bus(), channel.Options{})
		var left, right list[int]
		subscribe(t, a, "camera.left", "frame", left.message)
		s := subscribe(t, a, "camera.right", "frame", right.message)
		require.NoError(t, publisher[int](t, b, "camera.left", "frame").Publish(1))
		pub := publisher[int](t, b, "camera.right", "frame")
		require.NoError(t, pub.Publish(2))
		require.Equal(t, []int{1}, left.take())
		require.Equal(t, []int{2}, right.take())
		shut(t, s)
		require.NoError(t, pub.Publish(3))
		require.Empty(t, right.take())
		require.ErrorIs(t, s.Err(), channel.ErrClosed)
	})
}

func TestOtherTypeIsRefused(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		ctx := t.Context()
		a, b, c := join(t, bus(), channel.Options{}), join(t, bus(), channel.Options{}), join(t, bus(), channel.Options{})
		first := publisher[string](t, a, "chat", "string pair")
		second := subscribe(t, b, "chat", "string pair", func(channel.Message[string]) {})

		_, err := channel.NewPublisher[int](ctx, c, "chat", "int")
		require.ErrorIs(t, err, channel.ErrType)
		require.EqualError(t, err, `channel "chat" carries "string pair", not "int": give it that type, or take another channel`)
		_, err = channel.Subscribe(ctx, c, "chat", "int", func(channel.Message[int]) {})
		require.ErrorIs(t, err, channel.ErrType)
		_, err = channel.Subscribe(ctx, a, "chat", "int", func(channel.Message[int]) {})
		require.ErrorIs(t, err, channel.ErrType, "the same party is no exception")
		var untyped list[any]
		subscribe(t, c, "chat", "", untyped.message) // takes what comes
		require.NoError(t, first.Publish("a"))
		require.Equal(t, []any{"a"}, untyped.take())

		// Who knows the type has gone; those who are left still know it.
		shut(t, first)
		_, err = channel.NewPublisher[int](ctx, c, "chat", "int")
		require.ErrorIs(t, err, channel.ErrType)
		require.NoError(t, second.Err())

		// With the last of them the type goes, too.
		shut(t, second)
		pub := publisher[int](t, c, "chat", "int")
		require.NoError(t, pub.Publish(1))
		_, err = channel.NewPublisher[int](ctx, a, "chat", "string pair")
		require.ErrorIs(t, err, channel.ErrType)
	})
}

// Of many who come at once with two types, those with one type succeed, the others are
// refused, whoever is faster.
func TestManyAtOnce(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		const n = 12
		type result struct {
			typ string
			pub *channel.Publisher[int]
			err error
		}
		results := make(chan result, n)
		for i := range n {
			p := join(t, bus(), channel.Options{})
			typ := []string{"x", "y"}[i%2]
			go func() {
				pub, err := channel.NewPublisher[int](t.Context(), p, "c", typ)
				results <- result{typ, pub, err}
			}()
		}
		won := map[string]int{}
		for range n {
			r := <-results
			if r.err == nil {
				won[r.typ]++
				continue
			}
			require.ErrorIs(t, r.err, channel.ErrType)
		}
		require.Len(t, won, 1)
		for _, count := range won {
			require.Equal(t, n/2, count)
		}
	})
}

// The holder of a type leaves while others come: the type stays.
func TestHolderLeavesMeanwhile(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		stays := join(t, bus(), channel.Options{})
		for range 20 {
			holder := join(t, bus(), channel.Options{})
			first := publisher[int](t, holder, "c", "x")
			keeps := subscribe(t, stays, "c", "x", func(channel.Message[int]) {})
			other := join(t, bus(), channel.Options{})
			go first.Close()
			_, err := channel.NewPublisher[int](t.Context(), other, "c", "y")
			require.ErrorIs(t, err, channel.ErrType)
			synctest.Wait()
			require.NoError(t, keeps.Err())
			shut(t, keeps)
			shut(t, first)
		}
	})
}

func TestBadNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := router.New()
		defer r.Close()
		p := join(t, r, channel.Options{})
		long := make([]byte, 161)
		for i := range long {
			long[i] = 'x'
		}
		for _, c := range []struct{ channel, typ, says string }{
			{"", "t", `empty channel name`},
			{"a.*", "t", `channel name "a.*" is a pattern; a name has no part "*" or ">"`},
			{string(long), "t", "the channel's name has 161 bytes; 160 are the most"},
			{"c", string(long), `the type of channel "c" has 161 bytes; 160 are the most`},
			{"c", "t\n", `type name "type:t\n" has a control character`},
			{"c", "t.>", `type name "type:t.>" is a pattern; a name has no part "*" or ">"`},
		} {
			_, err := channel.NewPublisher[int](t.Context(), p, c.channel, c.typ)
			require.EqualError(t, err, c.says)
		}
		_, err := channel.Join(t.Context(), r, channel.Options{Name: "a.b"})
		require.EqualError(t, err, `party name "a.b" has a dot or a tilde, which divide the names of senders; leave them out`)
		_, err = channel.Join(t.Context(), r, channel.Options{Name: "\x00"})
		require.ErrorIs(t, err, sig.ErrInvalid)
		require.Empty(t, p.Status().Endpoints)
		require.NoError(t, p.Close())
		_, err = channel.NewPublisher[int](t.Context(), p, "c", "t")
		require.ErrorIs(t, err, channel.ErrClosed)
	})
}

// A router whose only senders are those of closed parties has none.
func TestNothingIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		p := join(t, n.dial().Remote(), channel.Options{Name: "ana"})
		publisher[int](t, p, "c", "x", channel.Retain(), channel.Limit(3), channel.OnSubscribers(func(int) {}))
		subscribe(t, p, "c", "x", func(channel.Message[int]) {})
		subscribe(t, p, "c", "x", func(channel.Message[int]) {}, channel.Queue(0, sig.Block))
		_, err := channel.Watch(t.Context(), p, "c", func(int) {})
		require.NoError(t, err)
		require.Len(t, p.Status().Endpoints, 4)
		require.NoError(t, p.Close())
		require.NoError(t, p.Close())
		synctest.Wait()
		all, err := n.srv.Senders(t.Context())
		require.NoError(t, err)
		for _, s := range all {
			require.Nil(t, s.Name, "sender or listeners left")
		}
		require.False(t, p.Connected())
		<-p.Done()
	})
}

func TestSameName(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		a, b := join(t, bus(), channel.Options{Name: "ana"}), join(t, bus(), channel.Options{Name: "ana"})
		require.Equal(t, "ana", a.Name())
		require.Regexp(t, `^ana-[a-z0-9]{6}$`, b.Name())
		var from list[channel.Message[int]]
		subscribe(t, a, "c", "", from.add)
		first, second := publisher[int](t, b, "c", ""), publisher[int](t, b, "c", "")
		require.NoError(t, first.Publish(1))
		require.NoError(t, second.Publish(2))
		require.Equal(t, []channel.Message[int]{{From: b.Name(), Data: 1}, {From: b.Name(), Data: 2}}, from.take())
	})
}

func TestAskAParty(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		ana := join(t, bus(), channel.Options{Name: "ana"})
		subscribe(t, ana, "c", "x", func(channel.Message[int]) {})
		pub := publisher[int](t, ana, "c", "x")
		require.NoError(t, pub.Publish(1))
		synctest.Wait()
		s, err := sig.Ask[channel.Status](t.Context(), bus(), "channel.party.ana", "about", nil)
		require.NoError(t, err)
		require.Equal(t, channel.Status{Party: "ana", Endpoints: []channel.EndpointStatus{
			{Kind: "sub", Channel: "c", Type: "x", Got: 1}, {Kind: "pub", Channel: "c", Type: "x", Sent: 1},
		}}, s)
	})
}

// Events of senders without this package arrive, too, and what cannot be read is reported.
func TestPlainSenders(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		var errs bustest.Errors
		p := join(t, bus(), channel.Options{OnError: errs.Add})
		var heard list[channel.Message[int]]
		subscribe(t, p, "level", "int", heard.add)
		s, err := bus().AddSender("script", sig.Events("level"))
		require.NoError(t, err)
		sg, err := s.Signal("level")
		require.NoError(t, err)
		require.NoError(t, sg.Trigger(5))
		require.NoError(t, sg.Trigger("high"))
		require.Equal(t, []channel.Message[int]{{From: "script", Data: 5}}, heard.take())
		err = errs.Take()
		require.ErrorIs(t, err, sig.ErrInvalid)
		require.ErrorContains(t, err, `channel "level": a message of script cannot be read: `)
	})
}

func TestRemap(t *testing.T) {
	t.Setenv(channel.MapVariable, "camera=camera.left; chat = talk;")
	synctest.Test(t, func(t *testing.T) {
		r := router.New()
		defer r.Close()
		mapped := join(t, r, channel.Options{})
		plain := join(t, r, channel.Options{Map: map[string]string{}})
		var heard list[int]
		subscribe(t, plain, "camera.left", "", heard.message)
		subscribe(t, plain, "talk", "", heard.message)
		require.NoError(t, publisher[int](t, mapped, "camera", "").Publish(1))
		require.NoError(t, publisher[int](t, mapped, "chat", "").Publish(2))
		require.NoError(t, publisher[int](t, plain, "chat", "").Publish(3))
		require.Equal(t, []int{1, 2}, heard.take())
	})
}

func TestBadMaps(t *testing.T) {
	r := router.New()
	defer r.Close()
	for text, says := range map[string]string{
		"camera":    `"camera" is no mapping; write from=to, several divided by semicolons`,
		"=x":        `"=x" is no mapping; write from=to, several divided by semicolons`,
		"a=b;a=c":   `"a" is mapped twice, to "b" and to "c"`,
		"camera=*":  `channel name "*" is a pattern; a name has no part "*" or ">"`,
		"a=b;;c=;d": `"c=" is no mapping; write from=to, several divided by semicolons`,
	} {
		_, err := channel.ParseMap(text)
		require.EqualError(t, err, says)
		t.Setenv(channel.MapVariable, text)
		_, err = channel.Join(t.Context(), r, channel.Options{})
		require.EqualError(t, err, "environment variable SIG_MAP: "+says)
	}
}

// A join that cannot go on ends with its context.
func TestJoinEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := router.New()
		defer r.Close()
		p := join(t, r, channel.Options{})
		// Somebody answers for the type and is never seen to be a member.
		_, err := r.AddSender("channel.type.c", sig.Events("type:x"))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err = channel.NewPublisher[int](ctx, p, "c", "y")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, `channel "c": no agreement on its type`)
		publisher[int](t, p, "c", "x")
	})
}
