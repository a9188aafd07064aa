package component_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/component"
	"github.com/sigrouter/sigrouter/internal/bustest"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/router/routertest"
	"github.com/sigrouter/sigrouter/sig"
)

// Rows B1, B4: what is published to a topic reaches those subscribed to it, to one above it, to
// its beginning, or to everything; each of them once.
func TestTopics(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		pub := join(t, bus(), component.Options{Name: "pub", Topics: []string{"echo"}})
		for _, c := range []struct {
			topics, prefixes, want []string
		}{
			{topics: []string{"echo"}, want: []string{"echo 1", "echo.left 2"}},
			{topics: []string{"echo.left"}, want: []string{"echo.left 2"}},
			{topics: []string{"*.left"}, want: []string{"echo.left 2"}},
			{topics: []string{""}, want: []string{"echo 1", "echo.left 2", "echoes 3", "reply 4"}},
			{topics: []string{"reply", "echo", "echo.left", ""}, want: []string{"echo 1", "echo.left 2", "echoes 3", "reply 4"}},
			{topics: []string{"reply", "echoes", "reply"}, want: []string{"echoes 3", "reply 4"}},
			{prefixes: []string{"ec"}, want: []string{"echo 1", "echo.left 2", "echoes 3"}},
			{prefixes: []string{"echo.l"}, want: []string{"echo.left 2"}},
			{prefixes: []string{"echo."}, topics: []string{"echoes"}, want: []string{"echo.left 2", "echoes 3"}},
			{prefixes: []string{"", "ec"}, want: []string{"echo 1", "echo.left 2", "echoes 3", "reply 4"}},
			{want: []string{}},
		} {
			sub := join(t, bus(), component.Options{Name: "sub"})
			for _, topic := range c.topics {
				require.NoError(t, sub.Subscribe(topic))
			}
			for _, prefix := range c.prefixes {
				require.NoError(t, sub.SubscribePrefix(prefix))
			}
			for i, topic := range []string{"echo", "echo.left", "echoes", "reply"} {
				require.NoError(t, pub.Publish(topic, fmt.Sprint(i+1)))
				synctest.Wait() // each topic is a sender of its own, in another process perhaps
			}
			require.Equal(t, c.want, take(t, sub), "subscribed to %q, and %q and what follows", c.topics, c.prefixes)
			require.NoError(t, sub.Close())
		}
	})
}

func TestOwnMessages(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		c := join(t, bus(), component.Options{Name: "c"})
		require.NoError(t, c.Subscribe("x"))
		require.NoError(t, c.Publish("x", "mine"))
		require.Equal(t, []string{"x mine"}, take(t, c))
	})
}

func TestUnsubscribe(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		pub, sub := join(t, bus(), component.Options{Name: "pub"}), join(t, bus(), component.Options{Name: "sub"})
		require.NoError(t, sub.Subscribe("a"))
		require.NoError(t, sub.Subscribe(""))
		require.NoError(t, sub.SubscribePrefix("b"))
		require.NoError(t, sub.Unsubscribe("a"))
		require.NoError(t, pub.Publish("a", "1"))
		require.Equal(t, []string{"a 1"}, take(t, sub), "what another subscription brings still comes")
		require.NoError(t, sub.Unsubscribe(""))
		require.NoError(t, sub.Unsubscribe("b"))
		require.NoError(t, pub.Publish("a", "2"))
		require.NoError(t, pub.Publish("b", "3"))
		require.Empty(t, take(t, sub))
		require.ErrorIs(t, sub.Unsubscribe("a"), sig.ErrNoListener)
		require.EqualError(t, sub.Unsubscribe("a"), `sub is not subscribed to "a"`)
	})
}

// Row B5: what makes no sense is an error where it is said.
func TestMistakes(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		c := join(t, bus(), component.Options{Name: "c"})
		require.EqualError(t, c.Publish("", 1), `a payload needs a topic; publish to "all", for instance: who subscribes to "" gets that too`)
		require.ErrorIs(t, c.Publish("a\n", 1), sig.ErrInvalid)
		require.ErrorIs(t, c.Publish("a.*", 1), sig.ErrInvalid)
		require.ErrorIs(t, c.Publish("#connect", 1), sig.ErrRefused)
		require.ErrorIs(t, c.Subscribe("a\n"), sig.ErrInvalid)
		require.ErrorIs(t, c.Subscribe("a.>.b"), sig.ErrInvalid)
		require.ErrorIs(t, c.SubscribePrefix("\xff"), sig.ErrInvalid)
		for _, o := range []component.Options{{Name: "a~b"}, {Name: "*"}, {Topics: []string{"ok", ""}}, {Policy: sig.Block}} {
			_, err := component.Join(t.Context(), bus(), o)
			require.ErrorIs(t, err, sig.ErrInvalid)
		}
		require.NoError(t, c.Publish("fine", "1"), "nothing of that has done harm")
	})
	t.Run("payload", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := join(t, routertest.New(t).Client("").Remote(), component.Options{})
			require.ErrorContains(t, c.Publish("x", func() {}), "json")
		})
	})
}

// Row B6: payloads are whatever can be encoded, dictionaries with keys of any kind too.
func TestPayloads(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		pub, sub := join(t, bus(), component.Options{}), join(t, bus(), component.Options{})
		require.NoError(t, sub.Subscribe(""))
		require.NoError(t, pub.Publish("map", map[int]string{1: "é"}))
		require.NoError(t, pub.Publish("bytes", []byte{0, 255}))
		synctest.Wait()
		require.NoError(t, sub.Receive(t.Context(), func(m component.Message) error {
			switch m.Topic {
			case "map":
				got, err := sig.As[map[int]string](m.Data)
				require.NoError(t, err)
				require.Equal(t, map[int]string{1: "é"}, got)
			case "bytes":
				got, err := sig.As[[]byte](m.Data)
				require.NoError(t, err)
				require.Equal(t, []byte{0, 255}, got)
				return fmt.Errorf("enough: %w", component.ErrStop)
			}
			return nil
		}))
	})
}

// Rows B7 and B8: the loop runs here, without delay; nothing that arrives ends it.
func TestReceive(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		var errs bustest.Errors
		pub := join(t, bus(), component.Options{Name: "pub"})
		sub := join(t, bus(), component.Options{Name: "sub", OnError: errs.Add})
		require.NoError(t, sub.Subscribe("n"))
		begin := time.Now()
		for _, payload := range []any{1, "not a number", -1, 2} {
			require.NoError(t, pub.Publish("n", payload))
		}
		sum := 0
		require.NoError(t, sub.Receive(t.Context(), func(m component.Message) error {
			var n int
			if err := m.Decode(&n); err != nil {
				return err
			}
			if n < 0 {
				panic("negative")
			}
			if sum += n; n == 2 {
				return component.ErrStop
			}
			return nil
		}))
		require.Equal(t, 3, sum)
		require.Zero(t, time.Since(begin), "no polling")
		err := errs.Take()
		require.ErrorContains(t, err, "topic n from pub: ")
		require.ErrorContains(t, err, "handling it panicked: negative\n")
		require.ErrorContains(t, err, "component_test.go", "the stack")
	})
}

func TestReceiveEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := router.New()
		defer r.Close()
		c := join(t, r, component.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.NoError(t, c.Receive(ctx, nil), "the end of the context is the end of the loop")

		ended := make(chan error)
		for range 2 {
			go func() { ended <- c.Receive(t.Context(), nil) }()
		}
		synctest.Wait()
		require.NoError(t, c.Close())
		require.ErrorIs(t, <-ended, component.ErrClosed)
		require.ErrorIs(t, <-ended, component.ErrClosed)
		require.ErrorIs(t, c.Publish("x", 1), sig.ErrNotConnected)
		_, err := c.Join(t.Context(), "late", r)
		require.ErrorIs(t, err, component.ErrClosed)
		list, err := r.Senders(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 1, "nothing is left but the broadcast sender: %v", r)
	})
}

// An end by Ctrl-C is prompt even when messages come faster than they are handled.
func TestReceiveEndsUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := router.New()
		defer r.Close()
		c := join(t, r, component.Options{})
		require.NoError(t, c.Subscribe("x"))
		require.NoError(t, c.Publish("x", 0))
		ctx, cancel := context.WithCancel(t.Context())
		handled := 0
		require.NoError(t, c.Receive(ctx, func(component.Message) error {
			if handled++; handled == 10 {
				cancel()
			}
			return errors.Join(c.Publish("x", 0), c.Publish("x", 0))
		}))
		require.Equal(t, 10, handled)
	})
}

// Row B7: idle work is done while nothing comes, at its own pace.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := router.New()
		defer r.Close()
		begin := time.Now()
		var idled []time.Duration
		c := join(t, r, component.Options{IdleEvery: time.Second, Idle: func() { idled = append(idled, time.Since(begin)) }})
		require.NoError(t, c.Subscribe("x"))
		var got []time.Duration
		time.AfterFunc(1500*time.Millisecond, func() { c.Publish("x", "1"); c.Publish("x", "2") })
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		require.NoError(t, c.Receive(ctx, func(component.Message) error {
			got = append(got, time.Since(begin))
			return nil
		}))
		require.Equal(t, []time.Duration{1500 * time.Millisecond, 1500 * time.Millisecond}, got)
		require.Equal(t, []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second}, idled)
	})
}

// Row B9: what does not fit is dropped by the policy, and nobody has to guess how much.
func TestOverload(t *testing.T) {
	for policy, want := range map[sig.Policy]string{
		sig.PolicyDefault: "b 4, a 5, b 6", sig.DropOldest: "b 4, a 5, b 6", sig.DropNewest: "a 1, b 2, a 3", sig.Latest: "a 5, b 6",
	} {
		bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
			var errs bustest.Errors
			pub := join(t, bus(), component.Options{})
			sub := join(t, bus(), component.Options{Name: "sub", Queue: 3, Policy: policy, OnError: errs.Add})
			require.NoError(t, sub.Subscribe("a"))
			require.NoError(t, sub.Subscribe("b"))
			for i := range 6 {
				require.NoError(t, pub.Publish(string(rune('a'+i%2)), fmt.Sprint(i+1)))
				synctest.Wait()
			}
			lost := 6 - sub.Waiting()
			require.Equal(t, want, strings.Join(take(t, sub), ", "))
			err := errs.Take()
			require.ErrorIs(t, err, sig.ErrSlow)
			require.EqualError(t, err, fmt.Sprintf("%d messages dropped: more came than sub handled, and the queue takes 3", lost))
			require.EqualValues(t, lost, sub.Dropped())
			require.NoError(t, pub.Publish("a", "7"))
			require.Equal(t, []string{"a 7"}, take(t, sub))
			require.NoError(t, errs.Take(), "reported once")
		})
	}
}

// Row B21, and what a component says of itself.
func TestBanner(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		var out bytes.Buffer
		b := bus()
		c := join(t, b, component.Options{Name: "EchoServer", Banner: &out, Backplane: "tcp://pi:3000"})
		stars := strings.Repeat("*", 60)
		require.Equal(t, stars+"\nEchoServer at backplane tcp://pi:3000\n"+stars+"\n", out.String())
		out.Reset()
		_, err := component.Join(t.Context(), b, component.Options{Name: "x y", Banner: &out})
		require.NoError(t, err)
		require.Contains(t, out.String(), "\nx y at the backplane of this process\n")

		require.NoError(t, c.Subscribe("echo"))
		require.NoError(t, c.SubscribePrefix("re"))
		require.NoError(t, c.Publish("reply", "1"))
		synctest.Wait()
		about, err := sig.Ask[component.Status](t.Context(), b, "EchoServer", "about", nil)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), about.Since, 0)
		about.Since = time.Time{}
		require.Equal(t, component.Status{Name: "EchoServer", Subscriptions: []string{"echo", "re…"}, Published: 1, Received: 1, Waiting: 1}, about)
	})
}

// A name that is taken gets something added to it.
func TestNames(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		a, b := join(t, bus(), component.Options{Name: "echo"}), join(t, bus(), component.Options{Name: "echo"})
		require.NoError(t, a.Subscribe("x"))
		require.NoError(t, b.Publish("x", "1"))
		require.NoError(t, a.Receive(t.Context(), func(m component.Message) error {
			require.Regexp(t, `^echo-[a-z2-7]{6}$`, m.From)
			return component.ErrStop
		}))
		require.Equal(t, "echo", a.Backplanes()[0].Self())
	})
}

// What other programs trigger are topics too, and what there is already.
func TestOtherSenders(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		other, err := bus().AddSender("thermo", sig.RetainValue("celsius", "21"))
		require.NoError(t, err)
		c := join(t, bus(), component.Options{})
		require.NoError(t, c.Subscribe(""))
		require.NoError(t, c.Subscribe("celsius"))
		require.NoError(t, other.Remove())
		require.Equal(t, []string{"celsius 21"}, take(t, c), "without the built-in events")

		require.NoError(t, c.Unsubscribe(""))
		require.NoError(t, c.Subscribe(sig.Connect))
		_, err = bus().AddSender("newcomer", sig.Events("x"))
		require.NoError(t, err)
		require.NoError(t, c.Receive(t.Context(), func(m component.Message) error {
			require.Equal(t, []any{"#connect", "newcomer"}, []any{m.Topic, m.From})
			return component.ErrStop
		}))
	})
}

// Row B10: a component can wait for those it has something to say to.
func TestAwaitSubscriber(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		client, server := join(t, bus(), component.Options{Name: "client"}), join(t, bus(), component.Options{Name: "server"})
		require.NoError(t, client.Subscribe(""), "which does not count")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, client.AwaitSubscriber(ctx, "echo"), context.DeadlineExceeded)

		time.AfterFunc(time.Minute, func() { server.Subscribe("echo") })
		require.NoError(t, client.AwaitSubscriber(t.Context(), "echo.left"))
		require.NoError(t, client.AwaitSubscriber(t.Context(), "echo"), "who is there already")
		require.NoError(t, client.Publish("echo", "first"))
		require.Equal(t, []string{"echo first"}, take(t, server))
		require.ErrorIs(t, client.AwaitSubscriber(t.Context(), ""), sig.ErrInvalid)
	})
}

// Row B11: a component may start before its backplane.
func TestEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := routertest.New(t)
		site.Unplug()
		time.AfterFunc(3*time.Second, site.Plug)
		bus := site.ClientWith(router.ClientOptions{Lazy: true}).Remote()
		c := join(t, bus, component.Options{Name: "early"})
		require.NoError(t, c.Subscribe("x"))
		require.NoError(t, c.Publish("x", "1"))
		require.Eventually(t, func() bool { return c.Waiting() == 1 }, time.Minute, time.Second)
		require.Equal(t, []string{"x 1"}, take(t, c))
	})
}

// Row B11: a component stays through restarts of its backplane.
func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := routertest.New(t)
		pub := join(t, site.Client("").Remote(), component.Options{Name: "pub"})
		sub := join(t, site.Client("").Remote(), component.Options{Name: "sub"})
		require.NoError(t, sub.Subscribe("x"))
		require.NoError(t, pub.Publish("x", "1"))
		synctest.Wait()
		site.Unplug()
		synctest.Wait()
		require.False(t, sub.Backplanes()[0].Connected())
		require.NoError(t, pub.Publish("x", "2"), "waits")
		site.Plug()
		time.Sleep(time.Minute)
		require.True(t, sub.Backplanes()[0].Connected())
		require.NoError(t, pub.Publish("x", "3"))
		require.Equal(t, []string{"x 1", "x 2", "x 3"}, take(t, sub))
	})
}

func TestConcurrentUse(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		b := bus()
		c := join(t, b, component.Options{})
		require.NoError(t, c.Subscribe("x"))
		errs := make(chan error, 100)
		for i := range 20 {
			go func() { errs <- c.Publish("x", i) }()
			go func() { errs <- c.Publish(fmt.Sprint("y", i%3), i) }()
			go func() { errs <- errors.Join(c.Subscribe(fmt.Sprint(i)), c.Unsubscribe(fmt.Sprint(i))) }()
		}
		for range 60 {
			require.NoError(t, <-errs)
		}
		got := 0
		require.NoError(t, c.Receive(t.Context(), func(component.Message) error {
			if got++; got == 20 {
				return component.ErrStop
			}
			return nil
		}))
	})
}

// What a component adds at a router follows its name, so that rules can be made for it.
func TestSenders(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		b := bus()
		var names []string
		_, err := b.AddListener(sig.Any, sig.Connect, func(e sig.Event) { names = append(names, e.Sender) })
		require.NoError(t, err)
		c := join(t, bus(), component.Options{Name: "robot", Topics: []string{"declared"}})
		require.NoError(t, c.Publish("declared", 1))
		require.NoError(t, c.Publish("arm.left", 1))
		other := join(t, bus(), component.Options{Name: "other"})
		require.NoError(t, other.Subscribe("arm"))
		require.NoError(t, c.AwaitSubscriber(t.Context(), "arm.left"))
		require.NoError(t, c.Publish("arm.left", "up"))
		require.NoError(t, other.Receive(t.Context(), func(m component.Message) error {
			require.Equal(t, "robot", m.From)
			return component.ErrStop
		}))
		synctest.Wait()
		require.Equal(t, "robot", names[0])
		require.Equal(t, "robot.~.arm.left", names[1])
		require.Equal(t, "other", names[2])
		require.Len(t, names, 4)
		require.True(t, sig.Match("robot.~.>", names[1]) && sig.Match("robot.~.>", names[3]), names)
	})
}
