package api_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/sig"
)

// touchable is what a client exposes.
type touchable struct{ touched atomic.Int32 }

func (c *touchable) Touch() bool { c.touched.Add(1); return true }

// pinger calls its caller back.
type pinger struct{}

func (pinger) Ping(ctx context.Context) (string, error) {
	c, ok := api.Caller(ctx)
	if !ok {
		return "", errors.New("who is there?")
	}
	if _, err := api.Ask[bool](ctx, c, "touch"); err != nil {
		return "", err
	}
	return "pong!", nil
}

func TestHandlerCallsBack(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		_, err := api.Expose(local, "server", pinger{})
		require.NoError(t, err)
		var own touchable
		c, err := api.NewClient(caller, "client", &own)
		require.NoError(t, err)
		require.Regexp(t, `^client\.[a-z0-9]{13}$`, c.Name())
		got, err := api.Ask[string](t.Context(), c.At("server"), "ping")
		require.NoError(t, err)
		require.Equal(t, "pong!", got)
		require.EqualValues(t, 1, own.touched.Load())

		require.EqualError(t, api.Do(t.Context(), caller, "server", "ping"), "who is there?")
		require.NoError(t, c.Close())
		_, err = api.Ask[string](t.Context(), c.At("server"), "ping")
		require.ErrorIs(t, err, sig.ErrNoSender)
	})
}

// A caller that pretends to be another does not make the server call that other.
func TestCallbackStaysWithItsCaller(t *testing.T) {
	b, own := newBus(t), newBus(t)
	_, err := api.Expose(b, "server", pinger{})
	require.NoError(t, err)
	var victim touchable
	_, err = api.Expose(b, "client.victim", &victim)
	require.NoError(t, err)
	ctx := sig.WithCaller(t.Context(), &sig.Caller{ID: "7", Bus: own})
	err = api.Do(ctx, api.With(b, api.WithMeta("from", "client.victim")), "server", "ping")
	require.ErrorIs(t, err, sig.ErrNoSender)
	require.Zero(t, victim.touched.Load())
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		early, err := api.NewClient(b, "client", &touchable{})
		require.NoError(t, err)
		var mu sync.Mutex // members are told of at the same time
		var joined, left []string
		g, err := api.Watch(t.Context(), b, "client.*",
			api.Joined(func(ctx context.Context, m *api.Remote) {
				if m.Sender() == "client.slow" {
					<-ctx.Done() // until it leaves
				}
				mu.Lock()
				defer mu.Unlock()
				joined = append(joined, m.Sender())
			}),
			api.Left(func(_ context.Context, m *api.Remote) {
				mu.Lock()
				defer mu.Unlock()
				left = append(left, m.Sender())
			}))
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, []string{early.Name()}, joined)

		slow, err := api.Expose(b, "client.slow", &touchable{})
		require.NoError(t, err)
		late, err := api.Expose(b, "client.late", &touchable{})
		require.NoError(t, err)
		_, err = api.Expose(b, "other", &touchable{})
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, []string{early.Name(), "client.late"}, joined, "one that takes its time holds up no other")

		require.Len(t, g.Members(), 3)
		for _, a := range api.AskAll[bool](t.Context(), g.Members(), "touch") {
			require.NoError(t, a.Err)
			require.True(t, a.Value)
		}
		some := g.Where(func(r *api.Remote) bool { return r.Sender() != "client.slow" })
		require.Len(t, some, 2)

		require.NoError(t, slow.Remove())
		require.NoError(t, late.Remove())
		synctest.Wait()
		require.Equal(t, []string{early.Name(), "client.late", "client.slow"}, joined)
		require.ElementsMatch(t, []string{"client.slow", "client.late"}, left)
		answers := api.AskAll[bool](t.Context(), some, "touch")
		for _, a := range answers {
			require.Equal(t, a.From.Sender() == "client.late", errors.Is(a.Err, sig.ErrNoSender))
		}

		g.Close()
		require.NoError(t, early.Close())
		synctest.Wait()
		require.Len(t, left, 2, "nothing is told after Close")
	})
}

// One that comes and goes while nobody can be told of it yet is not told of.
func TestWatchCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		var events []string
		release := make(chan struct{})
		g, err := api.Watch(t.Context(), b, "c",
			api.Joined(func(context.Context, *api.Remote) { <-release; events = append(events, "joined") }),
			api.Left(func(context.Context, *api.Remote) { events = append(events, "left") }))
		require.NoError(t, err)
		for range 1000 {
			s, err := api.Expose(b, "c", &touchable{})
			require.NoError(t, err)
			synctest.Wait()
			require.NoError(t, s.Remove())
		}
		close(release)
		synctest.Wait()
		require.Equal(t, []string{"joined", "left"}, events)
		g.Close()
	})
}

// A listing that is older than an event does not bring a sender back.
func TestWatchTrustsEventsOverTheList(t *testing.T) {
	b := &slowList{Bus: newBus(t)}
	s, err := api.Expose(b, "client.a", &touchable{})
	require.NoError(t, err)
	b.after = func() { s.Remove() }
	g, err := api.Watch(t.Context(), b, "client.*")
	require.NoError(t, err)
	defer g.Close()
	require.Empty(t, g.Members())
}

// A slowList does something between making a list and handing it out.
type slowList struct {
	sig.Bus
	after func()
}

func (b *slowList) Senders(ctx context.Context) ([]sig.SenderInfo, error) {
	all, err := b.Bus.Senders(ctx)
	b.after()
	return all, err
}

func TestWatchFails(t *testing.T) {
	_, err := api.Watch(t.Context(), &brokenBus{Bus: newBus(t)}, "client.*")
	require.ErrorIs(t, err, sig.ErrNotConnected)
}

type brokenBus struct{ sig.Bus }

func (brokenBus) Senders(context.Context) ([]sig.SenderInfo, error) { return nil, sig.ErrNotConnected }

// closings counts instances that were closed.
type closings chan struct{}

// wait waits until n have been closed since the last wait, and no more.
func (c closings) wait(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-c:
		case <-time.After(10 * time.Second):
			require.Fail(t, "not closed")
		}
	}
	require.Empty(t, c)
}

// demo is the server's half of a widget, slapper the client's.
type demo struct {
	in     *api.Instance
	num    int
	closed closings
}

func (d *demo) SetNumber(num int) { d.num = num }
func (d *demo) GetNumber() int    { return d.num }
func (d *demo) Poke(ctx context.Context) error {
	if d.in.Peer() == nil {
		return errors.New("nobody to slap")
	}
	d.num = -1
	_, err := d.in.Peer().Call(ctx, "slap")
	return err
}
func (d *demo) Close() error { d.closed <- struct{}{}; return nil }

type slapper struct{ slapped bool }

func (s *slapper) Slap() { s.slapped = true }

func exposeDemo(t *testing.T, b sig.Bus, closed closings, opts ...api.InstanceOption) *api.Instances[*demo] {
	t.Helper()
	x, err := api.ExposeEach(b, "demo", func(_ context.Context, in *api.Instance) (*demo, error) {
		if in.ID() == "bad" {
			return nil, errors.New("no such widget")
		}
		if in.ID() == "worse" {
			panic("oops")
		}
		return &demo{in: in, closed: closed}, nil
	}, opts...)
	require.NoError(t, err)
	return x
}

func TestSharedInstances(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		closed := make(closings, 100)
		x := exposeDemo(t, local, closed, api.MaxInstances(2))
		remote := api.At(caller, "demo")
		a, b, c := remote.Instance("widget.a"), remote.Instance("b"), remote.Instance("c")
		_, err := a.Call(t.Context(), "set_number", 123)
		require.NoError(t, err)
		get := func(r *api.Remote) int {
			n, err := api.Ask[int](t.Context(), r, "get_number")
			require.NoError(t, err)
			return n
		}
		require.Equal(t, 123, get(a))
		require.Equal(t, 0, get(b))
		require.Equal(t, 123, get(remote.Instance("widget.a")))
		_, err = c.Call(t.Context(), "get_number")
		require.ErrorIs(t, err, sig.ErrLimit)

		_, err = a.Call(t.Context(), "poke")
		require.EqualError(t, err, "nobody to slap")
		_, err = a.Call(t.Context(), "nothing")
		require.ErrorIs(t, err, sig.ErrNoMethod)
		_, err = remote.Call(t.Context(), "get_number")
		require.ErrorIs(t, err, sig.ErrNoMethod)
		require.ErrorContains(t, err, `call "id.get_number"`)
		_, err = a.Call(t.Context(), "set_number", "x")
		require.ErrorIs(t, err, sig.ErrInvalid)

		d, err := remote.Describe(t.Context())
		require.NoError(t, err)
		require.Equal(t, "shared", d.Instances)
		require.Len(t, d.Methods, 3)

		require.Len(t, x.All(), 2)
		require.Empty(t, x.Peers())
		require.NoError(t, x.Close())
		closed.wait(t, 2)
		_, err = a.Call(t.Context(), "get_number")
		require.ErrorIs(t, err, sig.ErrNoSender)
	})
}

func TestInstanceThatCannotBeMade(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		closed := make(closings, 100)
		x := exposeDemo(t, local, closed, api.EachWith(api.Log(discard)))
		for range 2 {
			_, err := api.At(caller, "demo").Instance("bad").Call(t.Context(), "get_number")
			require.EqualError(t, err, "no such widget")
			_, err = api.At(caller, "demo").Instance("worse").Call(t.Context(), "get_number")
			require.ErrorContains(t, err, "panicked: oops")
		}
		require.Empty(t, x.All())
		require.NoError(t, x.Close())
		closed.wait(t, 0)
	})
}

func TestInstancesPerClient(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		closed := make(closings, 100)
		x := exposeDemo(t, local, closed, api.PerClient())
		a, err := api.NewClient(caller, "client", api.None{})
		require.NoError(t, err)
		b, err := api.NewClient(caller, "client", api.None{})
		require.NoError(t, err)
		var halfA slapper
		widgetA, err := api.Attach(a, "demo", "w", &halfA)
		require.NoError(t, err)
		_, err = widgetA.Call(t.Context(), "poke")
		require.NoError(t, err)
		require.True(t, halfA.slapped)

		n, err := api.Ask[int](t.Context(), b.At("demo").Instance("w"), "get_number")
		require.NoError(t, err)
		require.Zero(t, n, "each client has its own")
		_, err = b.At("demo").Instance("w").Call(t.Context(), "poke")
		require.ErrorIs(t, err, sig.ErrNoSender, "b attached no half")

		// The server reaches every half there is.
		halfA.slapped = false
		require.Len(t, x.Peers(), 2)
		answers := api.AskAll[any](t.Context(), x.Peers(), "slap")
		require.True(t, halfA.slapped)
		require.True(t, (answers[0].Err == nil) != (answers[1].Err == nil))

		// What belongs to a client goes with it; calls to its half fail, at once.
		peers := x.Peers()
		require.NoError(t, a.Close())
		closed.wait(t, 1)
		require.Len(t, x.All(), 1)
		require.Equal(t, b.Name(), x.All()[0].Client())
		for _, answer := range api.AskAll[any](t.Context(), peers, "slap") {
			require.ErrorIs(t, answer.Err, sig.ErrNoSender)
		}
		require.NoError(t, x.Close())
		closed.wait(t, 1)
	})
}

func TestInstancesOfAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		closed := make(closings, 100)
		x := exposeDemo(t, b, closed, api.PerClient())
		gone := make(chan struct{})
		one := sig.WithCaller(t.Context(), &sig.Caller{ID: "1", Done: gone})
		two := sig.WithCaller(t.Context(), &sig.Caller{ID: "2"})
		w := api.At(b, "demo").Instance("w")
		_, err := w.Call(one, "set_number", 5)
		require.NoError(t, err)
		n, err := api.Ask[int](two, w, "get_number")
		require.NoError(t, err)
		require.Zero(t, n)
		close(gone)
		synctest.Wait()
		closed.wait(t, 1)
		require.Len(t, x.All(), 1)
		require.NoError(t, x.Close())
	})
}

// An instance that nobody called for a while is closed, and comes back when it is called.
func TestIdleInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		closed := make(closings, 100)
		x := exposeDemo(t, b, closed, api.Idle(time.Minute))
		w := api.At(b, "demo").Instance("w")
		_, err := w.Call(t.Context(), "set_number", 5)
		require.NoError(t, err)
		for range 3 { // calls keep it
			time.Sleep(40 * time.Second)
			n, err := api.Ask[int](t.Context(), w, "get_number")
			require.NoError(t, err)
			require.Equal(t, 5, n)
		}
		time.Sleep(59 * time.Second)
		closed.wait(t, 0)
		time.Sleep(2 * time.Second)
		closed.wait(t, 1)
		n, err := api.Ask[int](t.Context(), w, "get_number")
		require.NoError(t, err)
		require.Zero(t, n)
		require.NoError(t, x.Close())
	})
}

// slow takes a minute for a call.
type slow struct {
	began  chan struct{}
	closed atomic.Bool
}

func (s *slow) Work() bool   { close(s.began); time.Sleep(time.Minute); return s.closed.Load() }
func (s *slow) Close() error { s.closed.Store(true); return nil }

// An instance is closed after the calls under way, and a call under way is no silence.
func TestInstanceInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		s := &slow{began: make(chan struct{})}
		x, err := api.ExposeEach(b, "slow", func(context.Context, *api.Instance) (*slow, error) { return s, nil }, api.Idle(time.Second))
		require.NoError(t, err)
		go func() {
			<-s.began
			time.Sleep(10 * time.Second)
			if len(x.All()) != 1 {
				t.Error("an instance with a call under way went for being silent")
			}
			x.Close()
		}()
		closed, err := api.Ask[bool](t.Context(), api.At(b, "slow").Instance("1"), "work")
		require.NoError(t, err)
		require.False(t, closed)
		require.True(t, s.closed.Load())
	})
}
