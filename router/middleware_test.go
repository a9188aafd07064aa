package router

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

func TestUse_ObserveChangeStop(t *testing.T) {
	r, _ := newRouter(t, Options{})
	var rec record
	s := addSender(t, r, "s", sig.Events("a", "b"))
	a, b := signalOf(t, s, "a"), signalOf(t, s, "b")
	addListener(t, r, sig.Any, sig.Any, rec.listener("l"))
	observe := func(id string) Middleware {
		return func(next sig.Listener) sig.Listener {
			return func(e sig.Event) {
				rec.listener(id)(e)
				next(e)
			}
		}
	}
	outer, err := r.Use(sig.Any, sig.Any, observe("outer"))
	require.NoError(t, err)
	change, err := r.Use("s", "a", func(next sig.Listener) sig.Listener {
		return func(e sig.Event) {
			text := e.Data.(string)
			if text == "stop" {
				return
			}
			origin := *e.Origin
			origin.Sender, origin.Info = "alias", map[string]any{"by": "middleware"}
			next(sig.Event{Origin: &origin, Data: strings.ToUpper(text)})
		}
	})
	require.NoError(t, err)
	_, err = r.Use("s", "*", observe("inner"))
	require.NoError(t, err)

	var info any
	informed := addListener(t, r, "s", "a", func(e sig.Event) { info = e.Info["by"] })
	trigger(t, a, "x")
	require.Equal(t, []string{"outer s.a=x", "inner alias.a=X", "l alias.a=X"}, rec.take())
	require.Equal(t, "middleware", info)
	informed.Remove()
	trigger(t, a, "stop")
	require.Equal(t, []string{"outer s.a=stop"}, rec.take())
	trigger(t, b, "x")
	require.Equal(t, []string{"outer s.b=x", "inner s.b=x", "l s.b=x"}, rec.take())

	addListener(t, r, "s", "a", rec.listener("l2"))
	change()
	change()
	trigger(t, a, "x")
	require.Equal(t, []string{"outer s.a=x", "inner s.a=x", "l s.a=x", "l2 s.a=x"}, rec.take())
	outer()
	trigger(t, a, "x")
	require.Equal(t, []string{"inner s.a=x", "l s.a=x", "l2 s.a=x"}, rec.take())
}

// Notices go through middleware as well; #subscribe and #unsubscribe through those that
// name them.
func TestUse_Notices(t *testing.T) {
	r, _ := newRouter(t, Options{})
	var rec record
	for _, event := range []string{sig.Any, sig.Subscribe} {
		_, err := r.Use(sig.Any, event, func(next sig.Listener) sig.Listener {
			return func(e sig.Event) {
				rec.add(event + " " + e.Name)
				next(e)
			}
		})
		require.NoError(t, err)
	}
	addListener(t, r, "s", sig.Connect, func(e sig.Event) { rec.add("l " + e.Name) })
	addListener(t, r, "s", sig.Subscribe, func(e sig.Event) { rec.add("l " + e.Name) })
	addSender(t, r, "s", sig.Events("a"))
	addListener(t, r, "s", "a", func(sig.Event) {})
	require.Equal(t, []string{"> #connect", "l #connect", "#subscribe #subscribe", "l #subscribe"}, rec.take())
}

// A middleware may use the router, also while it is asked for its listener.
func TestUse_FromInside(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSender(t, r, "s", sig.Events("a", "log"))
	log := signalOf(t, s, "log")
	var rec record
	addListener(t, r, "s", "log", rec.listener("log"))
	var remove func()
	remove, err := r.Use("s", "a", func(next sig.Listener) sig.Listener {
		addListener(t, r, "s", "a", rec.listener("added"))
		return func(e sig.Event) {
			trigger(t, log, "seen")
			next(e)
			next(e)
			remove()
		}
	})
	require.NoError(t, err)
	a := signalOf(t, s, "a")
	trigger(t, a, 1)
	require.Equal(t, []string{"log s.log=seen", "added s.a=1", "added s.a=1"}, rec.take())
	trigger(t, a, 2)
	require.Equal(t, []string{"added s.a=2"}, rec.take())
}

func TestUse_Panic(t *testing.T) {
	var told []Panic
	r, _ := newRouter(t, Options{OnPanic: func(p Panic) { told = append(told, p) }})
	s := addSignal(t, r, "s", "a")
	var rec record
	addListener(t, r, "s", "a", rec.listener("l"))
	_, err := r.Use("s", "a", func(next sig.Listener) sig.Listener {
		return func(e sig.Event) {
			if e.Data == "bad" {
				panic("boom")
			}
			next(e)
		}
	})
	require.NoError(t, err)
	trigger(t, s, "bad")
	trigger(t, s, "good")
	require.Equal(t, []string{"l s.a=good"}, rec.take())
	require.Len(t, told, 1)
	require.Equal(t, "middleware", told[0].Place)
}

// What is retained is what the middleware let through.
func TestUse_Retained(t *testing.T) {
	r, _ := newRouter(t, Options{})
	s := addSender(t, r, "s", sig.Retain("a"))
	_, err := r.Use("s", "a", func(next sig.Listener) sig.Listener {
		return func(e sig.Event) {
			if n := e.Data.(int); n >= 0 {
				next(sig.Event{Origin: e.Origin, Data: 10 * n})
			}
		}
	})
	require.NoError(t, err)
	a := signalOf(t, s, "a")
	trigger(t, a, 1)
	trigger(t, a, -1)
	var rec record
	addListener(t, r, "s", "a", rec.listener("l"))
	trigger(t, a, 2)
	require.Equal(t, []string{"l s.a=10 retained", "l s.a=20"}, rec.take())
}

func TestUse_Errors(t *testing.T) {
	r, _ := newRouter(t, Options{})
	pass := func(next sig.Listener) sig.Listener { return next }
	_, err := r.Use("", "a", pass)
	require.ErrorIs(t, err, sig.ErrInvalid)
	_, err = r.Use("s", ">.a", pass)
	require.ErrorIs(t, err, sig.ErrInvalid)
	_, err = r.Use("s", "a", nil)
	require.ErrorIs(t, err, sig.ErrInvalid)
	require.NoError(t, r.Close())
	_, err = r.Use("s", "a", pass)
	require.ErrorIs(t, err, sig.ErrShuttingDown)
}
