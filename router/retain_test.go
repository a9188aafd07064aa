package router

import (
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// A listener of any kind, with or without a queue, gets the last value at once.
func TestRetain_LateListeners(t *testing.T) {
	for _, c := range []struct {
		sender, event string
		opts          []sig.ListenOption
	}{
		{"a.s", "temp", nil}, {"a.s", sig.Any, nil}, {sig.Any, "temp", nil}, {sig.Any, sig.Any, nil}, {"a.*", "*", nil},
		{"*.s", "temp", nil}, {"a", sig.Any, []sig.ListenOption{sig.Below()}},
		{"a.s", "temp", []sig.ListenOption{sig.Waitable()}},
		{"a.s", "temp", []sig.ListenOption{sig.Queue(1, sig.Block)}},
		{sig.Any, "temp", []sig.ListenOption{sig.Queue(8, sig.Latest)}},
	} {
		r, _ := newRouter(t, Options{})
		s := addSender(t, r, "a.s", sig.Retain("temp"), sig.Events("other"))
		temp := signalOf(t, s, "temp")
		var rec record
		gets := func(want ...string) {
			t.Helper()
			require.Eventually(t, r.idle, 5*time.Second, time.Millisecond)
			require.Equal(t, want, rec.take(), "%v", c)
		}
		add := func(opts ...sig.ListenOption) sig.Subscription {
			return addListener(t, r, c.sender, c.event, rec.listener("l"), append(opts, c.opts...)...)
		}
		add().Remove()
		gets() // nothing is retained yet
		trigger(t, temp, 20)
		trigger(t, temp, 21)
		trigger(t, signalOf(t, s, "other"), "not retained")
		add()
		gets("l a.s.temp=21 retained")
		trigger(t, temp, 22)
		gets("l a.s.temp=22")
		add(sig.SkipRetained()).Remove()
		gets()
		require.NoError(t, s.Remove())
		addSender(t, r, "a.s", sig.Retain("temp"))
		require.Eventually(t, r.idle, 5*time.Second, time.Millisecond)
		rec.take()
		add()
		gets() // the value went with its sender
	}
}

func TestRetain_Several(t *testing.T) {
	r, _ := newRouter(t, Options{})
	for _, name := range []string{"c", "a", "b"} {
		s := addSender(t, r, name, sig.Retain("y", "x"))
		trigger(t, signalOf(t, s, "y"), name)
		trigger(t, signalOf(t, s, "x"), name)
	}
	var rec record
	addListener(t, r, sig.Any, sig.Any, rec.listener("l"))
	require.Equal(t, []string{
		"l a.x=a retained", "l a.y=a retained", "l b.x=b retained", "l b.y=b retained", "l c.x=c retained", "l c.y=c retained",
	}, rec.take())
}

// A value from the start reaches those that were there before the sender, too, after
// its #connect.
func TestRetain_Initial(t *testing.T) {
	r, _ := newRouter(t, Options{})
	var rec record
	addListener(t, r, "s", "mode", rec.listener("early"))
	addListener(t, r, "s", sig.Connect, func(sig.Event) { rec.add("connect") })
	addSender(t, r, "s", sig.RetainValue("mode", "auto"))
	addListener(t, r, "s", "mode", rec.listener("late"))
	require.Equal(t, []string{"connect", "early s.mode=auto retained", "late s.mode=auto retained"}, rec.take())
}

// What a listener triggers while it is given the retained value comes after it.
func TestRetain_TriggerInside(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSender(t, r, "s", sig.Retain("n"))
	n := signalOf(t, s, "n")
	trigger(t, n, 0)
	var got []any
	addListener(t, r, "s", "n", func(e sig.Event) {
		got = append(got, e.Data)
		if e.Retained {
			for i := 1; i <= 2000; i++ { // more than are held back
				trigger(t, n, i)
			}
			require.Len(t, got, 1)
		}
	})
	require.Len(t, got, 2001)
	for i, g := range got {
		require.Equal(t, i, g)
	}
	trigger(t, n, 2001)
	require.Len(t, got, 2002)
}

// A listener that ends its goroutine over the retained value gets the newer ones.
func TestRetain_Goexit(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSender(t, r, "s", sig.Retain("n"))
	n := signalOf(t, s, "n")
	trigger(t, n, 0)
	var rec record
	within(t, 5*time.Second, func() {
		_, _ = r.AddListener("s", "n", func(e sig.Event) {
			rec.listener("l")(e)
			if e.Retained {
				trigger(t, n, 1)
				runtime.Goexit()
			}
		})
	})
	trigger(t, n, 2)
	require.Equal(t, []string{"l s.n=0 retained", "l s.n=1", "l s.n=2"}, rec.take())
}

// While one goroutine triggers, each new listener sees a run without gaps, beginning
// with the retained value, and every number once.
func TestRetain_Concurrent(t *testing.T) {
	kinds := [][2]string{{"s", "n"}, {sig.Any, "n"}, {"s", sig.Any}, {sig.Any, sig.Any}, {"*", "*"}}
	options := [][]sig.ListenOption{nil, {sig.Queue(4, sig.Block)}, {sig.Queue(1<<20, sig.DropNewest)}, {sig.Waitable()}}
	r, _ := newRouter(t, Options{})
	s := addSender(t, r, "s", sig.Retain("n"))
	n := signalOf(t, s, "n")
	i := 0
	trigger(t, n, i)
	stop := busy(1, func() {
		i++
		_ = n.Trigger(i)
	})
	var wg sync.WaitGroup
	for k, kind := range kinds {
		for o, opts := range options {
			wg.Go(func() {
				for range 30 {
					var mu sync.Mutex
					var got []sig.Event
					enough := make(chan struct{})
					sub := addListener(t, r, kind[0], kind[1], func(e sig.Event) {
						mu.Lock()
						defer mu.Unlock()
						if got = append(got, e); len(got) == 5 {
							close(enough)
						}
					}, opts...)
					<-enough
					sub.Remove()
					mu.Lock()
					for i, e := range got {
						if e.Retained != (i == 0) || e.Data.(int) != got[0].Data.(int)+i {
							t.Errorf("kind %d option %d: event %d is %v, retained %v, after %v", k, o, i, e.Data, e.Retained, got[0].Data)
							break
						}
					}
					mu.Unlock()
				}
			})
		}
	}
	within(t, 60*time.Second, wg.Wait)
	stop()
}

func BenchmarkRetained(b *testing.B) {
	r, _ := newRouter(b, Options{})
	s := addSender(b, r, "s", sig.Retain("n"))
	n := signalOf(b, s, "n")
	for range 10 {
		addListener(b, r, "s", "n", func(sig.Event) {})
	}
	data := any(strconv.Itoa(1))
	b.ReportAllocs()
	for b.Loop() {
		_ = n.Trigger(data)
	}
}
