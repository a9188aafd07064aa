package channel_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/channel"
	"github.com/sigrouter/sigrouter/internal/bustest"
	"github.com/sigrouter/sigrouter/sig"
)

// A party with a loop calls callbacks inside Wait alone.
func TestWait(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		a, b := join(t, bus(), channel.Options{Loop: true}), join(t, bus(), channel.Options{})
		var heard list[int]
		subscribe(t, a, "c", "", heard.message)
		pub := publisher[int](t, b, "c", "")
		require.NoError(t, pub.Publish(1))
		require.Empty(t, heard.take(), "before Wait")
		begin := time.Now()
		require.True(t, a.Wait(10*time.Millisecond))
		require.Equal(t, 10*time.Millisecond, time.Since(begin))
		require.Equal(t, []int{1}, heard.take())

		done := make(chan bool)
		go func() { done <- a.Wait(time.Minute) }()
		require.NoError(t, pub.Publish(2))
		require.Equal(t, []int{2}, heard.take(), "while Wait waits")
		require.True(t, a.Connected())
		require.NoError(t, a.Close())
		require.False(t, <-done)
		require.False(t, a.Wait(time.Minute))
		require.False(t, a.Connected())
		require.False(t, b.Wait(0) && !b.Connected())
		require.True(t, b.Wait(time.Second), "without a loop it only waits")
	})
}

// What does not fit is dropped and reported, by the policy.
func TestLoopOverflows(t *testing.T) {
	for name, c := range map[string]struct {
		policy sig.Policy
		want   []int
	}{
		"the default": {sig.PolicyDefault, []int{3, 4}},
		"drop oldest": {sig.DropOldest, []int{3, 4}},
		"drop newest": {sig.DropNewest, []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
				var errs bustest.Errors
				a := join(t, bus(), channel.Options{Loop: true, Inbox: 2, Policy: c.policy, OnError: errs.Add})
				b := join(t, bus(), channel.Options{})
				var heard list[int]
				subscribe(t, a, "c", "", heard.message)
				pub := publisher[int](t, b, "c", "")
				for i := range 4 {
					require.NoError(t, pub.Publish(i+1))
				}
				synctest.Wait()
				require.Equal(t, 2, a.Status().Endpoints[0].Waiting)
				require.NoError(t, errs.Take())
				a.Wait(time.Millisecond)
				require.Equal(t, c.want, heard.take())
				err := errs.Take()
				require.ErrorIs(t, err, channel.ErrLost)
				require.EqualError(t, err, `channel "c": 2 dropped: the queue was full`)
				require.Equal(t, uint64(2), a.Status().Endpoints[0].Lost)
				require.Zero(t, a.Status().Endpoints[0].Waiting)
			})
		})
	}
}

func TestQueue(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		a, b := join(t, bus(), channel.Options{}), join(t, bus(), channel.Options{})
		release := make(chan struct{})
		var heard list[string]
		slow := func(m channel.Message[string]) {
			heard.message(m)
			<-release
		}
		subscribe(t, a, "c", "", slow, channel.Queue(10, sig.Latest))
		x, y := publisher[string](t, b, "c", ""), publisher[string](t, b, "c", "")
		require.NoError(t, x.Publish("x1"))
		require.Equal(t, []string{"x1"}, heard.take())
		for _, v := range []string{"x2", "x3"} {
			require.NoError(t, x.Publish(v))
		}
		require.NoError(t, y.Publish("y1"))
		synctest.Wait()
		close(release)
		require.Equal(t, []string{"x3", "y1"}, heard.take(), "the last of each")
	})
}

// A full queue with Block holds publishers of the same process up, and loses nothing.
func TestQueueBlocks(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		a, b := join(t, bus(), channel.Options{}), join(t, bus(), channel.Options{})
		release := make(chan struct{})
		var heard list[int]
		subscribe(t, a, "c", "", func(m channel.Message[int]) { <-release; heard.message(m) }, channel.Queue(2, sig.Block))
		pub := publisher[int](t, b, "c", "")
		var want []int
		done := make(chan error, 1)
		go func() {
			for i := range 100 {
				if err := pub.Publish(i); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		for i := range 100 {
			want = append(want, i)
		}
		synctest.Wait()
		close(release)
		require.NoError(t, <-done)
		require.Equal(t, want, heard.take())
	})
}

func TestMessages(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		var errs bustest.Errors
		a, b := join(t, bus(), channel.Options{OnError: errs.Add}), join(t, bus(), channel.Options{})
		pub := publisher[any](t, b, "c", "x", channel.Retain())
		require.NoError(t, pub.Publish(0))
		var heard []any
		for m, err := range channel.Messages[int](t.Context(), a, "c", "x") {
			if err != nil {
				require.ErrorIs(t, err, sig.ErrInvalid)
				heard = append(heard, "error")
			} else {
				heard = append(heard, m.Data)
			}
			switch len(heard) {
			case 1:
				require.True(t, m.Retained)
				require.NoError(t, pub.Publish("no number"))
			case 2, 3:
				require.False(t, m.Retained)
				require.NoError(t, pub.Publish(len(heard)))
			}
			if len(heard) == 4 {
				break
			}
		}
		require.Equal(t, []any{0, "error", 2, 3}, heard)
		require.Empty(t, a.Status().Endpoints, "the loop's subscription has gone with it")

		for _, err := range channel.Messages[int](t.Context(), a, "c", "y") {
			require.ErrorIs(t, err, channel.ErrType)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := 0
		for m, err := range channel.Messages[int](ctx, a, "c", "x") { // ends with ctx
			require.NoError(t, err)
			require.Equal(t, 3, m.Data)
			n++
		}
		require.Equal(t, 1, n)
		go func() {
			time.Sleep(time.Second)
			a.Close()
		}()
		for _, err := range channel.Messages[int](t.Context(), a, "c", "x") { // ends with the party
			require.NoError(t, err)
		}
		require.NoError(t, errs.Take())
	})
}

func TestRetained(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		a, b := join(t, bus(), channel.Options{}), join(t, bus(), channel.Options{Name: "b"})
		pub := publisher[int](t, b, "level", "", channel.Retain())
		var none list[channel.Message[int]]
		shut(t, subscribe(t, a, "level", "", none.add))
		require.Empty(t, none.take())
		require.NoError(t, pub.Publish(1))
		require.NoError(t, pub.Publish(2))
		synctest.Wait()
		var late list[channel.Message[int]]
		subscribe(t, a, "level", "", late.add)
		require.NoError(t, pub.Publish(3))
		require.Equal(t, []channel.Message[int]{{From: "b", Retained: true, Data: 2}, {From: "b", Data: 3}}, late.take())

		name, err := channel.Static(t.Context(), b, "name", "", "left camera")
		require.NoError(t, err)
		synctest.Wait()
		var got list[channel.Message[string]]
		subscribe(t, a, "name", "", got.add)
		want := []channel.Message[string]{{From: "b", Retained: true, Data: "left camera"}}
		require.Equal(t, want, got.take())
		shut(t, name)
		var gone list[channel.Message[string]]
		subscribe(t, a, "name", "", gone.add)
		require.Empty(t, gone.take())
	})
}

// A camera that films while somebody looks.
func TestSubscribersAreCounted(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		camera, screen := join(t, bus(), channel.Options{}), join(t, bus(), channel.Options{})
		var counts, watched list[int]
		early := subscribe(t, screen, "frames", "", func(channel.Message[int]) {})
		pub := publisher[int](t, camera, "frames", "", channel.OnSubscribers(counts.add))
		w, err := channel.Watch(t.Context(), camera, "frames", watched.add)
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, 1, pub.Subscribers())
		counts.take() // over a carrier the first word may be that nobody is there
		watched.take()
		late := subscribe(t, screen, "frames", "", func(channel.Message[int]) {})
		subscribe(t, screen, "other", "", func(channel.Message[int]) {})
		shut(t, early)
		shut(t, late)
		require.Equal(t, []int{2, 1, 0}, counts.take())
		require.Equal(t, []int{2, 1, 0}, watched.take())
		require.Zero(t, w.Subscribers())

		// Who listens without this package counts as well.
		sub, err := bus().AddListener(sig.Any, "frames", func(sig.Event) {})
		require.NoError(t, err)
		require.Equal(t, []int{1}, counts.take())
		sub.Remove()
		require.Equal(t, []int{0}, counts.take())
		shut(t, w)
		subscribe(t, screen, "frames", "", func(channel.Message[int]) {})
		require.Equal(t, []int{1}, counts.take())
		require.Equal(t, []int{1, 0}, watched.take()[:2])
	})
}

// The function that is told may subscribe itself.
func TestSubscribersCountedAgain(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		p := join(t, bus(), channel.Options{})
		var counts list[int]
		var pub *channel.Publisher[int]
		ready := make(chan struct{})
		other := join(t, bus(), channel.Options{})
		pub = publisher[int](t, p, "c", "", channel.OnSubscribers(func(n int) {
			counts.add(n)
			if n == 1 {
				<-ready
				require.Positive(t, pub.Subscribers())
			}
		}))
		close(ready)
		subscribe(t, other, "c", "", func(channel.Message[int]) {})
		require.Equal(t, []int{0, 1}, counts.take())
	})
}

// A publisher with a limit refuses what would have to wait.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		p := join(t, n.dial().Remote(), channel.Options{})
		pub := publisher[int](t, p, "c", "", channel.Limit(3))
		for i := range 3 {
			require.NoError(t, pub.Publish(i))
		}
		synctest.Wait()
		require.Zero(t, pub.Waiting())
		// Nothing arrives while a listener in the router's process blocks.
		release := make(chan struct{})
		sub, err := n.srv.AddListener(sig.Any, "c", func(sig.Event) { <-release })
		require.NoError(t, err)
		var refused int
		for i := range 10 {
			if err := pub.Publish(i); err != nil {
				require.ErrorIs(t, err, channel.ErrFull)
				require.EqualError(t, err, `channel "c": 3 messages are on their way, the most there may be`)
				refused++
			}
		}
		require.Equal(t, 7, refused)
		require.Equal(t, 3, pub.Waiting())
		close(release)
		synctest.Wait()
		require.Zero(t, pub.Waiting())
		require.NoError(t, pub.Publish(11))
		sub.Remove()
		require.Equal(t, uint64(7), p.Status().Endpoints[0].Sent)
	})
}
