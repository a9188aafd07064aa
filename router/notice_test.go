package router

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// noteNotices records built-in events with their data.
func noteNotices(rec *record, id string) sig.Listener {
	return func(e sig.Event) {
		switch d := e.Data.(type) {
		case sig.Declaration:
			requests := []string{}
			for _, m := range d.Requests {
				if m == nil {
					requests = append(requests, "*")
				} else {
					requests = append(requests, *m)
				}
			}
			rec.add(fmt.Sprintf("%s %s%s %v %v %s", id, e.Sender, e.Name, d.Events, requests, d.Reason))
		case sig.Listening:
			rec.add(fmt.Sprintf("%s %s%s %s %d", id, e.Sender, e.Name, d.Event, d.Listeners))
		default:
			rec.add(show(id, e))
		}
	}
}

func TestNotices_ConnectAndDisconnect(t *testing.T) {
	r, _ := newRouter(t, Options{})
	var rec record
	addListener(t, r, "s", sig.Disconnect, noteNotices(&rec, "normal"))
	addListener(t, r, "s", sig.Connect, noteNotices(&rec, "normal"))
	addListener(t, r, sig.Any, sig.Connect, noteNotices(&rec, "channel"))
	addListener(t, r, "s", sig.Any, noteNotices(&rec, "sender"))
	addListener(t, r, sig.Any, sig.Any, noteNotices(&rec, "router"))
	answer := func(context.Context, sig.Request) (any, error) { return nil, nil }
	s := addSender(t, r, "s", sig.Events("b", "a", "b"), sig.Answer("y", answer), sig.Answer("x", answer), sig.AnswerRest(answer))
	declared := " [#connect #disconnect a b] [x y *] "
	require.Equal(t, []string{
		"router s#connect" + declared, "sender s#connect" + declared, "channel s#connect" + declared, "normal s#connect" + declared,
	}, rec.take())
	require.NoError(t, s.Remove())
	require.Equal(t, []string{
		"router s#disconnect" + declared, "sender s#disconnect" + declared, "normal s#disconnect" + declared,
	}, rec.take())
	require.NoError(t, s.Remove())
	require.Empty(t, rec.take())

	r.RemoveSender("s")
	sd, err := r.addSender("s", "peer 7", sig.NewSenderConfig(sig.Events("a")))
	require.NoError(t, err)
	rec.take()
	require.True(t, sd.remove("the line was cut"))
	require.Contains(t, rec.take()[0], "the line was cut")
}

func TestNotices_NilRequests(t *testing.T) {
	r, _ := newRouter(t, Options{})
	var data []any
	addListener(t, r, sig.Any, sig.Connect, func(e sig.Event) { data = append(data, e.Data) })
	addSender(t, r, "s", sig.Events("a"))
	require.Nil(t, data[0].(sig.Declaration).Requests)
}

// At #connect requests are answered; at #disconnect the sender has gone.
func TestNotices_WhatIsThere(t *testing.T) {
	r, _ := newRouter(t, Options{})
	checked := 0
	addListener(t, r, "s", sig.Connect, func(sig.Event) {
		_, err := r.Request(t.Context(), "s", "m", nil)
		require.NoError(t, err)
		_, ok := r.Sender("s")
		require.False(t, ok, "nobody can trigger its signals before its #connect has been delivered")
		checked++
	})
	addListener(t, r, "s", sig.Disconnect, func(sig.Event) {
		_, err := r.Request(t.Context(), "s", "m", nil)
		require.ErrorIs(t, err, sig.ErrNoSender)
		checked++
	})
	s := addSender(t, r, "s", sig.Events("a"), sig.AnswerRest(func(context.Context, sig.Request) (any, error) { return nil, nil }))
	a := signalOf(t, s, "a")
	require.NoError(t, s.Remove())
	require.Equal(t, 2, checked)
	require.ErrorIs(t, a.Trigger(1), sig.ErrRemoved)
	_, err := s.Signal("a")
	require.ErrorIs(t, err, sig.ErrRemoved)
}

func TestNotices_SubscribeAndUnsubscribe(t *testing.T) {
	r, _ := newRouter(t, Options{})
	var rec record
	addListener(t, r, sig.Any, sig.Any, noteNotices(&rec, "hears nothing of it"))
	addListener(t, r, sig.Any, "*", noteNotices(&rec, "hears nothing of it"), sig.Below())
	addListener(t, r, "s", sig.Any, noteNotices(&rec, "hears nothing of it"))
	addSender(t, r, "s", sig.Events("a.x", "b.x"))
	rec.take()
	on := addListener(t, r, "s", sig.Subscribe, noteNotices(&rec, ""))
	addListener(t, r, sig.Any, sig.Unsubscribe, noteNotices(&rec, ""))
	var subs []sig.Subscription
	for _, n := range [][2]string{{"s", "a.x"}, {"s", "b.*"}, {sig.Any, "a.x"}, {"other", "a.x"}, {"s", sig.Any}} {
		subs = append(subs, addListener(t, r, n[0], n[1], func(sig.Event) {}))
	}
	// The three above get a.x and b.x, and so count.
	require.Equal(t, []string{
		" s#subscribe a.x 4", " s#subscribe b.x 4", " s#subscribe a.x 5", " s#subscribe a.x 6", " s#subscribe b.x 5",
	}, rec.take())
	for _, sub := range subs {
		sub.Remove()
		sub.Remove()
	}
	require.Equal(t, []string{
		" s#unsubscribe a.x 5", " s#unsubscribe b.x 4", " s#unsubscribe a.x 4", " s#unsubscribe a.x 3", " s#unsubscribe b.x 3",
	}, rec.take())
	on.Remove()
	addListener(t, r, "s", "a.x", func(sig.Event) {})
	require.Empty(t, rec.take())
}

// A sender that comes is told who has waited for it.
func TestNotices_SubscribeAtConnect(t *testing.T) {
	r, _ := newRouter(t, Options{})
	var rec record
	addListener(t, r, "s", "a", func(sig.Event) {})
	addListener(t, r, sig.Any, "a", func(sig.Event) {})
	addListener(t, r, "s", sig.Connect, noteNotices(&rec, ""))
	addListener(t, r, "s", sig.Subscribe, noteNotices(&rec, ""))
	addSender(t, r, "s", sig.Events("a", "b"))
	require.Equal(t, []string{" s#connect [#connect #disconnect a b] [] ", " s#subscribe a 2"}, rec.take())
}

// Whatever several goroutines do with one name, #connect and #disconnect alternate,
// counts change by one, and AddSender returns after its #connect.
func TestNotices_Concurrent(t *testing.T) {
	r, _ := newRouter(t, Options{})
	var mu sync.Mutex
	var last string
	count := 0
	addListener(t, r, sig.Any, sig.Connect, func(e sig.Event) {
		mu.Lock()
		defer mu.Unlock()
		require.NotEqual(t, sig.Connect, last)
		last, count = e.Name, 0
	})
	addListener(t, r, sig.Any, sig.Disconnect, func(e sig.Event) {
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, sig.Connect, last)
		last = e.Name
	})
	for _, name := range []string{sig.Subscribe, sig.Unsubscribe} {
		addListener(t, r, sig.Any, name, func(e sig.Event) {
			mu.Lock()
			defer mu.Unlock()
			n := e.Data.(sig.Listening).Listeners
			if e.Name == sig.Subscribe && count > 0 {
				require.Equal(t, count+1, n)
			} else if e.Name == sig.Unsubscribe {
				require.Equal(t, count-1, n)
			}
			count = n
		})
	}
	var connected atomic.Bool
	addListener(t, r, sig.Any, sig.Connect, func(sig.Event) { connected.Store(true) })
	addListener(t, r, sig.Any, sig.Disconnect, func(sig.Event) { connected.Store(false) })
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 300 {
				if s, err := r.AddSender("s", sig.Events("a")); err == nil {
					if !connected.Load() {
						t.Error("AddSender returned before its #connect was delivered")
					}
					_ = s.Remove()
				}
			}
		})
		wg.Go(func() {
			for range 300 {
				addListener(t, r, "s", "a", func(sig.Event) {}).Remove()
			}
		})
	}
	within(t, 60*time.Second, wg.Wait)
	require.Empty(t, r.notices)
}

// A source that sleeps while nobody listens.
func TestSignal_Listeners(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSignal(t, r, "s", "a")
	require.Zero(t, s.Listeners())
	var subs []sig.Subscription
	for i, opts := range [][]sig.ListenOption{nil, {sig.Queue(1, sig.Block)}, {sig.Queue(1, sig.Block)}, {sig.Queue(1, sig.Latest)}, {sig.Waitable()}, nil} {
		subs = append(subs, addListener(t, r, []string{"s", sig.Any}[i%2], "a", func(sig.Event) {}, opts...))
		require.Equal(t, i+1, s.Listeners())
	}
	for i, sub := range subs {
		sub.Remove()
		require.Equal(t, len(subs)-i-1, s.Listeners())
	}
	require.NoError(t, r.RemoveSender("s"))
	require.Zero(t, s.Listeners())
}
