package router

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// A farEnd stands for a peer's listener.
type farEnd string

func (f farEnd) String() string { return string(f) }

// A farSide stands for the router with peers that is built on a Router: it records what
// it is given.
type farSide struct{ rec record }

type farFanout struct {
	side *farSide
	subs []*subscription
}

func (f *farFanout) send(e sig.Event) error {
	for _, s := range f.subs {
		f.side.rec.add(show(s.remote().String(), e))
	}
	if e.Data == "fails" {
		return sig.ErrNotConnected
	}
	return nil
}

func newFarSide(t *testing.T) (*Router, *farSide) {
	r, _ := newRouter(t, Options{})
	f := &farSide{}
	r.buildFanout = func(_ *sig.Origin, subs []*subscription) fanout { return &farFanout{f, subs} }
	r.sendRetained = func(s *subscription, e sig.Event) { f.rec.add(show(s.remote().String(), e)) }
	return r, f
}

func (f *farSide) listen(t *testing.T, r *Router, id, sender, event string) *subscription {
	s, err := r.listenRemote(sender, event, farEnd(id), sig.ListenConfig{}, func(n uint64) { f.rec.add(fmt.Sprint(id, " is ready")) })
	require.NoError(t, err)
	return s
}

// Remote listeners are first, together, in order of registration within the kinds.
func TestSeam_Fanout(t *testing.T) {
	r, f := newFarSide(t)
	addListener(t, r, sig.Any, sig.Any, f.rec.listener("local"))
	one := f.listen(t, r, "one", "s", "a")
	two := f.listen(t, r, "two", sig.Any, "a")
	require.Less(t, one.id, two.id)
	f.rec.take()
	a := addSignal(t, r, "s", "a")
	require.Equal(t, []string{"local s.#connect={[#connect #disconnect a] [] }"}, f.rec.take())
	trigger(t, a, 1)
	require.Equal(t, []string{"two s.a=1", "one s.a=1", "local s.a=1"}, f.rec.take())
	require.Equal(t, 3, a.Listeners())

	three := f.listen(t, r, "three", "s", "a")
	trigger(t, a, 2)
	require.Equal(t, []string{"three is ready", "two s.a=2", "one s.a=2", "three s.a=2", "local s.a=2"}, f.rec.take())
	two.Remove()
	one.Remove()
	trigger(t, a, 3)
	require.Equal(t, []string{"three s.a=3", "local s.a=3"}, f.rec.take())
	require.ErrorIs(t, a.Trigger("fails"), sig.ErrNotConnected)
	require.Equal(t, []string{"three s.a=fails", "local s.a=fails"}, f.rec.take())
	three.Remove()
	trigger(t, a, 4)
	require.Equal(t, []string{"local s.a=4"}, f.rec.take())
}

func TestSeam_Notices(t *testing.T) {
	r, f := newFarSide(t)
	addListener(t, r, sig.Any, sig.Connect, f.rec.listener("local"))
	f.listen(t, r, "far", sig.Any, sig.Any)
	f.rec.take()
	addSender(t, r, "s", sig.Events("a"))
	got := f.rec.take()
	require.Len(t, got, 2)
	require.Contains(t, got[0], "far s.#connect")
	require.Contains(t, got[1], "local s.#connect")
}

// Retained values go out after the listener's id is known and before anything newer.
func TestSeam_Retained(t *testing.T) {
	r, f := newFarSide(t)
	s := addSender(t, r, "s", sig.Retain("a"))
	a := signalOf(t, s, "a")
	trigger(t, a, 1)
	f.listen(t, r, "far", "s", "*")
	trigger(t, a, 2)
	require.Equal(t, []string{"far is ready", "far s.a=1 retained", "far s.a=2"}, f.rec.take())
}

// An event that comes as bytes needs to be made a sig.Event for local listeners alone.
func TestSeam_Route(t *testing.T) {
	r, f := newFarSide(t)
	s, err := r.addSender("s", "peer", sig.NewSenderConfig(sig.Events("a"), sig.Retain("kept")))
	require.NoError(t, err)
	require.Equal(t, "peer", s.owner)
	require.Nil(t, r.signal("s", "b"))
	require.Nil(t, r.signal("t", "a"))
	a := r.signal("s", "a")
	route := func() route {
		to, err := a.route()
		require.NoError(t, err)
		return to
	}
	to := route()
	require.Nil(t, to.fan)
	require.False(t, to.local)

	f.listen(t, r, "far", "s", "a")
	f.rec.take()
	to = route()
	require.IsType(t, &farFanout{}, to.fan)
	require.False(t, to.local)

	local := addListener(t, r, "s", "a", f.rec.listener("local"))
	to = route()
	require.NotNil(t, to.fan)
	require.True(t, to.local)
	require.NoError(t, a.deliverLocal(to, 1))
	require.Equal(t, []string{"local s.a=1"}, f.rec.take())

	waitable := addListener(t, r, "s", "a", f.rec.listener("waitable"), sig.Waitable())
	to = route()
	require.NotNil(t, to.fan)
	require.NoError(t, a.deliverLocal(to, 2))
	require.Equal(t, []string{"local s.a=2", "waitable s.a=2"}, f.rec.take())
	waitable.Remove()
	local.Remove()

	remove, err := r.Use("s", "a", func(next sig.Listener) sig.Listener { return next })
	require.NoError(t, err)
	to = route()
	require.Nil(t, to.fan, "the middleware must see the event first")
	require.True(t, to.local)
	require.NoError(t, a.deliverLocal(to, 3))
	require.Equal(t, []string{"far s.a=3"}, f.rec.take())
	remove()

	kept := r.signal("s", "kept")
	to, err = kept.route()
	require.NoError(t, err)
	require.True(t, to.local, "its value must be kept")
	require.NoError(t, kept.deliverLocal(to, 4))
	addListener(t, r, "s", "kept", f.rec.listener("late"))
	require.Equal(t, []string{"late s.kept=4 retained"}, f.rec.take())

	require.True(t, s.remove("gone"))
	_, err = a.route()
	require.ErrorIs(t, err, sig.ErrRemoved)
}

// Requests to a sender that lives elsewhere go through one handler.
func TestSeam_Answer(t *testing.T) {
	r, _ := newFarSide(t)
	forward := func(_ context.Context, q sig.Request) (any, error) { return "forwarded " + q.Method, nil }
	_, err := r.addSender("s", "peer", sig.NewSenderConfig(sig.Answer("x", forward), sig.AnswerRest(forward)))
	require.NoError(t, err)
	for _, method := range []string{"x", "y"} {
		resp, err := answerOf(t.Context(), r, "s", method, nil)
		require.NoError(t, err)
		require.Equal(t, "forwarded "+method, resp.Data)
	}
	_, err = answerOf(t.Context(), r, "t", "x", nil)
	require.ErrorIs(t, err, sig.ErrNoSender)
}

// A listener of a peer gets no event before it is told its id, and a gapless run from
// then on.
func TestSeam_ReadyFirst(t *testing.T) {
	r, f := newFarSide(t)
	s := addSignal(t, r, "s", "a")
	n := 0
	stop := busy(1, func() {
		_ = s.Trigger(n)
		n++
	})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for k := range 20 {
				sub := f.listen(t, r, fmt.Sprint("far", i, ".", k), []string{"s", "*"}[k%2], "a")
				for range 10 {
					s.Listeners()
				}
				sub.Remove()
			}
		})
	}
	wg.Wait()
	stop()
	next := map[string]int{}
	for _, line := range f.rec.take() {
		var id string
		var n int
		if _, err := fmt.Sscanf(line, "%s s.a=%d", &id, &n); err != nil {
			id = line[:len(line)-len(" is ready")]
			require.NotContains(t, next, id)
			next[id] = -1
			continue
		}
		require.Contains(t, next, id)
		if next[id] >= 0 {
			require.Equal(t, next[id], n)
		}
		next[id] = n + 1
	}
}

// A detached listener is called by whoever holds it, and has a ring of its own.
func TestSeam_Detached(t *testing.T) {
	r, _ := newRouter(t, Options{})
	for _, opts := range [][]sig.ListenOption{nil, {sig.Waitable()}, {sig.Queue(2, sig.Block)}, {sig.Queue(2, sig.Latest)}} {
		var rec record
		cfg := sig.NewListenConfig(opts...)
		addListener(t, r, "s", "a", func(sig.Event) { t.Error("called by a detached one") }, opts...)
		var both [2]*detached
		for i := range both {
			d, err := r.detach("s", "a", rec.listener("d"), cfg)
			require.NoError(t, err)
			both[i] = d
			d.deliver(sig.NewEvent("s", "a", i))
			require.Eventually(t, r.idle, 5*time.Second, time.Millisecond)
			require.Equal(t, []string{fmt.Sprint("d s.a=", i)}, rec.take())
		}
		both[0].RemoveAndWait()
		both[0].Remove()
		both[0].deliver(sig.NewEvent("s", "a", 2))
		both[1].deliver(sig.NewEvent("s", "a", 3))
		require.Eventually(t, r.idle, 5*time.Second, time.Millisecond)
		got := rec.take()
		require.Equal(t, "d s.a=3", got[len(got)-1])
		both[1].Remove()
	}
}
