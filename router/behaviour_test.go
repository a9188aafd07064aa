package router

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// TestBehaviour goes through what pysig's router does, row by row. Where pysig differs
// from its own documentation, or the promises of docs/semantics.md go further, the case
// says so and checks ours.
func TestBehaviour(t *testing.T) {
	type bench struct {
		*testing.T
		*Router
		log *safeBuffer
		rec record
	}
	listen := func(b *bench, id, sender, event string) sig.Subscription {
		return addListener(b, b.Router, sender, event, b.rec.listener(id))
	}
	for _, c := range []struct {
		row, says string
		check     func(b *bench)
	}{
		{"P1", "a listener learns sender and event, and every one the same", func(b *bench) {
			listen(b, "x", "s", "a")
			listen(b, "y", "s", "a")
			trigger(b, addSignal(b, b.Router, "s", "a"), 1)
			require.Equal(b, []string{"x s.a=1", "y s.a=1"}, b.rec.take())
		}},
		{"P2", "sender and event: only that event of that sender", func(b *bench) {
			listen(b, "x", "s", "a")
			s, other := addSender(b, b.Router, "s", sig.Events("a", "b")), addSender(b, b.Router, "t", sig.Events("a"))
			trigger(b, signalOf(b, s, "b"), 1)
			trigger(b, signalOf(b, other, "a"), 2)
			trigger(b, signalOf(b, s, "a"), 3)
			require.Equal(b, []string{"x s.a=3"}, b.rec.take())
		}},
		{"P3", "sender broadcast: every event of that sender, the built-in ones too", func(b *bench) {
			addListener(b, b.Router, "s", sig.Any, func(e sig.Event) { b.rec.add(e.Name) })
			s := addSender(b, b.Router, "s", sig.Events("a", "b"))
			addSender(b, b.Router, "t", sig.Events("a"))
			trigger(b, signalOf(b, s, "b"), 1)
			_ = s.Remove()
			require.Equal(b, []string{"#connect", "b", "#disconnect"}, b.rec.take())
		}},
		{"P4", "router broadcast: every event of every sender, the built-in ones too", func(b *bench) {
			addListener(b, b.Router, sig.Any, sig.Any, func(e sig.Event) { b.rec.add(e.Sender + e.Name) })
			trigger(b, addSignal(b, b.Router, "s", "a"), 1)
			trigger(b, addSignal(b, b.Router, "t", "b"), 1)
			require.Equal(b, []string{"s#connect", "sa", "t#connect", "tb"}, b.rec.take())
		}},
		{"P5", "channel: an event of every sender; with or without #, as its documentation has it", func(b *bench) {
			for _, event := range []string{"#chat", "plain"} {
				listen(b, "x", sig.Any, event)
				for _, sender := range []string{"s", "t"} {
					s := addSender(b, b.Router, sender+event, sig.Events(event))
					trigger(b, signalOf(b, s, event), 1)
				}
				require.Equal(b, []string{"x s" + event + "." + event + "=1", "x t" + event + "." + event + "=1"}, b.rec.take())
			}
		}},
		{"P6", "#connect and #disconnect are channels", func(b *bench) {
			for _, event := range []string{sig.Connect, sig.Disconnect} {
				addListener(b, b.Router, sig.Any, event, func(e sig.Event) { b.rec.add(e.Sender + e.Name) })
			}
			_ = addSender(b, b.Router, "s", sig.Events("a")).Remove()
			require.Equal(b, []string{"s#connect", "s#disconnect"}, b.rec.take())
		}},
		{"P7", "order: router broadcast, sender broadcast, channel, normal", func(b *bench) {
			s := addSignal(b, b.Router, "s", "a")
			listen(b, "normal", "s", "a")
			listen(b, "channel", sig.Any, "a")
			listen(b, "sender", "s", sig.Any)
			listen(b, "router", sig.Any, sig.Any)
			trigger(b, s, 1)
			require.Equal(b, []string{"router s.a=1", "sender s.a=1", "channel s.a=1", "normal s.a=1"}, b.rec.take())
		}},
		{"P8", "the same function twice is called twice; a removal removes one", func(b *bench) {
			s := addSignal(b, b.Router, "s", "a")
			fn := b.rec.listener("x")
			one := addListener(b, b.Router, "s", "a", fn)
			two := addListener(b, b.Router, "s", "a", fn)
			trigger(b, s, 1)
			require.Len(b, b.rec.take(), 2)
			one.Remove()
			one.Remove()
			trigger(b, s, 1)
			require.Len(b, b.rec.take(), 1)
			two.Remove()
			trigger(b, s, 1)
			require.Empty(b, b.rec.take())
		}},
		{"P9", "a listener that panics: the others are called, promise 4", func(b *bench) {
			s := addSignal(b, b.Router, "s", "a")
			addListener(b, b.Router, "s", "a", func(sig.Event) { panic("boom") })
			listen(b, "x", "s", "a")
			trigger(b, s, 1)
			require.Len(b, b.rec.take(), 1)
			require.Contains(b, b.log.String(), "boom")
		}},
		{"P10", "a listener that removes itself: the next one is called, promise 3", func(b *bench) {
			s := addSignal(b, b.Router, "s", "a")
			var self sig.Subscription
			self = addListener(b, b.Router, "s", "a", func(sig.Event) { self.Remove() })
			listen(b, "x", "s", "a")
			trigger(b, s, 1)
			trigger(b, s, 2)
			require.Equal(b, []string{"x s.a=1", "x s.a=2"}, b.rec.take())
		}},
		{"P11", "a listener before its sender: the sender is listed, not connected", func(b *bench) {
			listen(b, "x", "s", "a")
			require.Equal(b, []string{"nil true []", "s false [a]"}, listSenders(b.T, b.Router))
		}},
		{"P12", "the sender comes without that event: a warning; the listener stays, promise 7", func(b *bench) {
			listen(b, "x", "s", "a")
			s := addSender(b, b.Router, "s", sig.Events("b"))
			require.Contains(b, b.log.String(), "does not declare")
			require.Contains(b, b.log.String(), "event=a")
			trigger(b, signalOf(b, s, "b"), 1)
			require.Empty(b, b.rec.take())
			_ = s.Remove()
			trigger(b, addSignal(b, b.Router, "s", "a"), 2)
			require.Len(b, b.rec.take(), 1)
		}},
		{"P13", "an event that a connected sender does not declare is refused", func(b *bench) {
			addSender(b, b.Router, "s", sig.Events("a.b", "c"))
			for _, ok := range []string{"c", "*", "a.*", "d.*", sig.Any, sig.Connect, sig.Subscribe} {
				listen(b, "x", "s", ok)
			}
			addListener(b, b.Router, "s", "a", func(sig.Event) {}, sig.Below())
			for _, opts := range [][]sig.ListenOption{nil, {sig.Below()}} {
				_, err := b.AddListener("s", "d", func(sig.Event) {}, opts...)
				require.ErrorIs(b, err, sig.ErrNoEvent)
				require.EqualError(b, err, `sender "s" has no event "d"; declared: "a.b", "c"`)
			}
			_, err := b.AddListener("s", "a", func(sig.Event) {})
			require.ErrorIs(b, err, sig.ErrNoEvent)
		}},
		{"P14", "AddSender takes one name or several, and returns the sender", func(b *bench) {
			require.Equal(b, "s", addSender(b, b.Router, "s", sig.Events("a")).Name())
			s := addSender(b, b.Router, "t", sig.Events("a", "b"), sig.Events("c", "a"))
			for _, event := range []string{"a", "b", "c"} {
				signalOf(b, s, event)
			}
		}},
		{"P15", "AddSender fails without a name, without anything declared, and while connected", func(b *bench) {
			_, err := b.AddSender("", sig.Events("a"))
			require.ErrorIs(b, err, sig.ErrInvalid)
			_, err = b.AddSender("s")
			require.ErrorIs(b, err, sig.ErrInvalid)
			require.EqualError(b, err, `no events or requests for sender "s"`)
			addSender(b, b.Router, "s", sig.Events("a"))
			_, err = b.AddSender("s", sig.Events("a"))
			require.ErrorIs(b, err, sig.ErrTaken)
		}},
		{"P16", "requests without events, or an empty list of events, will do", func(b *bench) {
			answer := func(context.Context, sig.Request) (any, error) { return nil, nil }
			addSender(b, b.Router, "s", sig.Answer("m", answer))
			addSender(b, b.Router, "t", sig.AnswerRest(answer))
			addSender(b, b.Router, "u", func(c *sig.SenderConfig) { c.Events = []string{} })
			require.Equal(b, []string{"nil true []", "s true []", "t true []", "u true []"}, listSenders(b.T, b.Router))
		}},
		{"P17", "an empty name is refused everywhere, and leaves nothing behind", func(b *bench) {
			_, err := b.AddSender("s", sig.Events("a", ""))
			require.ErrorIs(b, err, sig.ErrInvalid)
			_, err = b.AddListener("s", "", func(sig.Event) {})
			require.ErrorIs(b, err, sig.ErrInvalid)
			_, err = b.AddListener("", "a", func(sig.Event) {})
			require.ErrorIs(b, err, sig.ErrInvalid)
			_, err = b.AddSender("s", sig.Answer("", func(context.Context, sig.Request) (any, error) { return nil, nil }))
			require.ErrorIs(b, err, sig.ErrInvalid)
			require.Equal(b, []string{"nil true []"}, listSenders(b.T, b.Router))
		}},
		{"P18", "#connect carries events and requests; see TestNotices_ConnectAndDisconnect", func(b *bench) {
			var d sig.Declaration
			addListener(b, b.Router, "s", sig.Connect, func(e sig.Event) { d = e.Data.(sig.Declaration) })
			addSender(b, b.Router, "s", sig.Events("z", "a"))
			require.Equal(b, sig.Declaration{Events: []string{sig.Connect, sig.Disconnect, "a", "z"}}, d)
		}},
		{"P19", "#disconnect carries the same, and the sender has gone; see TestNotices_WhatIsThere", func(b *bench) {
			var d sig.Declaration
			addListener(b, b.Router, "s", sig.Disconnect, func(e sig.Event) {
				d = e.Data.(sig.Declaration)
				require.Equal(b, []string{"nil true []", "s false [#disconnect]"}, listSenders(b.T, b.Router))
			})
			_ = addSender(b, b.Router, "s", sig.Events("a")).Remove()
			require.Equal(b, sig.Declaration{Events: []string{sig.Connect, sig.Disconnect, "a"}}, d)
		}},
		{"P20", "RemoveSender fails when there is no such sender any more", func(b *bench) {
			s := addSender(b, b.Router, "s", sig.Events("a"))
			require.NoError(b, b.RemoveSender("s"))
			require.ErrorIs(b, b.RemoveSender("s"), sig.ErrNoSender)
			require.ErrorIs(b, b.RemoveSender("t"), sig.ErrNoSender)
			require.ErrorIs(b, b.RemoveSender(""), sig.ErrInvalid)
			require.ErrorIs(b, b.RemoveSender(sig.Any), sig.ErrInvalid)
			require.NoError(b, s.Remove())
		}},
		{"P21", "a sender that has gone stays listed while somebody waits for it", func(b *bench) {
			x := listen(b, "x", "s", "a")
			y := listen(b, "y", "s", sig.Any)
			s := addSender(b, b.Router, "s", sig.Events("a"))
			_ = s.Remove()
			require.Equal(b, []string{"nil true []", "s false [a]"}, listSenders(b.T, b.Router))
			x.Remove()
			require.Equal(b, []string{"nil true []", "s false []"}, listSenders(b.T, b.Router))
			y.Remove()
			require.Equal(b, []string{"nil true []"}, listSenders(b.T, b.Router))
		}},
		{"P22", "a Signal whose sender has gone fails; pysig still calls", func(b *bench) {
			listen(b, "x", "s", "a")
			s := addSender(b, b.Router, "s", sig.Events("a"))
			a := signalOf(b, s, "a")
			trigger(b, a, 1)
			_ = s.Remove()
			require.ErrorIs(b, a.Trigger(2), sig.ErrRemoved)
			addSender(b, b.Router, "s", sig.Events("a"))
			require.ErrorIs(b, a.Trigger(3), sig.ErrRemoved, "it is not the new holder's")
			require.Len(b, b.rec.take(), 1)
		}},
		{"P23", "there is no signal of an undeclared event, nor of a built-in one", func(b *bench) {
			s := addSender(b, b.Router, "s", sig.Events("a", sig.Connect))
			_, err := s.Signal("b")
			require.ErrorIs(b, err, sig.ErrNoEvent)
			for _, event := range []string{sig.Connect, sig.Disconnect, sig.Subscribe, sig.Unsubscribe} {
				_, err = s.Signal(event)
				require.ErrorIs(b, err, sig.ErrRefused)
			}
			for _, event := range []string{"", sig.Any, "*"} {
				_, err = s.Signal(event)
				require.ErrorIs(b, err, sig.ErrInvalid)
			}
		}},
		{"P24", "a default handler is given the method's name; values pass unchanged", func(b *bench) {
			value := &struct{}{}
			addSender(b, b.Router, "s", sig.AnswerRest(func(_ context.Context, q sig.Request) (any, error) {
				return []any{q.Method, q.Params}, nil
			}))
			v, err := ask(b.T, b.Router, "s", "m", value)
			require.NoError(b, err)
			require.Equal(b, []any{"m", value}, v)
			require.Same(b, value, v.([]any)[1])
		}},
		{"P25", "requests fail as they should; see TestRequest", func(b *bench) {
			own := errors.New("the handler's own")
			addSender(b, b.Router, "s", sig.Answer("m", func(context.Context, sig.Request) (any, error) { return nil, own }))
			_, err := ask(b.T, b.Router, "s", "m", nil)
			require.Same(b, own, err)
			_, err = ask(b.T, b.Router, "s", "x", nil)
			require.ErrorIs(b, err, sig.ErrNoMethod)
		}},
		{"P26", "what passes can be observed and changed; see TestUse_ObserveChangeStop", func(b *bench) {
			_, err := b.Use("s", sig.Any, func(next sig.Listener) sig.Listener {
				return func(e sig.Event) { next(sig.Event{Origin: e.Origin, Data: fmt.Sprint(e.Data, "!")}) }
			})
			require.NoError(b, err)
			listen(b, "x", "s", "a")
			trigger(b, addSignal(b, b.Router, "s", "a"), 1)
			require.Equal(b, []string{"x s.a=1!"}, b.rec.take())
		}},
		{"P27", "everything may be used at once; pysig has no lock. See TestPromise5_Concurrent", func(b *bench) {
			stop := busy(4, func() { addListener(b, b.Router, sig.Any, "a", func(sig.Event) {}).Remove() })
			s := addSignal(b, b.Router, "s", "a")
			for range 100 {
				trigger(b, s, 1)
			}
			stop()
		}},
		{"P28", "the broadcast sender is listed, always connected, with the channels listened to", func(b *bench) {
			listen(b, "x", sig.Any, "#chat")
			listen(b, "x", sig.Any, "a")
			listen(b, "x", sig.Any, "a")
			listen(b, "x", sig.Any, "b.*")
			listen(b, "x", "c.*", "d")
			require.Equal(b, []string{"nil true [#chat a]"}, listSenders(b.T, b.Router))
		}},
	} {
		t.Run(c.row, func(t *testing.T) {
			r, log := newRouter(t, Options{})
			c.check(&bench{T: t, Router: r, log: log})
			if t.Failed() {
				t.Logf("%s: %s", c.row, c.says)
			}
		})
	}
}

// listSenders shows each sender of the list as name, connected, events.
func listSenders(t *testing.T, r *Router) []string {
	t.Helper()
	infos, err := r.Senders(t.Context())
	require.NoError(t, err)
	var list []string
	for _, i := range infos {
		name := "nil"
		if i.Name != nil {
			name = *i.Name
		}
		list = append(list, fmt.Sprint(name, " ", i.Connected, " ", i.Events))
	}
	return list
}

func TestString(t *testing.T) {
	r, _ := newRouter(t, Options{})
	answer := func(context.Context, sig.Request) (any, error) { return nil, nil }
	_, err := r.addSender("timer", "peer 7", sig.NewSenderConfig(sig.Retain("tic"), sig.Answer("interval", answer), sig.AnswerRest(answer)))
	require.NoError(t, err)
	addListener(t, r, "timer", "tic", func(sig.Event) {})
	addListener(t, r, sig.Any, "tic", func(sig.Event) {}, sig.Queue(1, sig.Latest))
	addListener(t, r, "timer", sig.Any, func(sig.Event) {}, sig.Below())
	lines := strings.Split(r.String(), "\n")
	for i, want := range []string{
		`router: 1 senders, 3 listeners`, `sender "timer" of peer 7`, `	event "tic": 3 listeners, retained`,
		`	request "interval"`, `	request: any other`,
		`listener 1: normal, event "tic" of sender "timer", `,
		`listener 2: channel, event "tic" of sender any, 0 waiting, 0 dropped, `,
		`listener 3: sender broadcast, event any of sender "timer", and below, `,
	} {
		require.True(t, strings.HasPrefix(lines[i], want), "%q\n%q", lines[i], want)
	}
}

// Names are taken as they are, or refused with an error: RELIABILITY P7.
func TestNames(t *testing.T) {
	r, _ := newRouter(t, Options{})
	for _, name := range []string{"#", "#chat", "a b", strings.Repeat("x", 255), "é", "é", "\u202eabc", "*a", "a*.b", ">>", "a..b", "."} {
		var got string
		sub := addListener(t, r, name, name, func(e sig.Event) { got = e.Sender + e.Name })
		s := addSender(t, r, name, sig.Events(name))
		trigger(t, signalOf(t, s, name), nil)
		require.Equal(t, name+name, got)
		sub.Remove()
		require.NoError(t, s.Remove())
	}
	for _, name := range []string{"", strings.Repeat("x", 256), "a\x00b", "a\nb", "\x7f", "\u0085", "a\xffb", "*", ">", "a.*", "a.>.b"} {
		_, err := r.AddSender(name, sig.Events("a"))
		require.ErrorIs(t, err, sig.ErrInvalid, "%q", name)
		_, err = r.AddSender("s", sig.Events(name))
		require.ErrorIs(t, err, sig.ErrInvalid, "%q", name)
		if !sig.IsPattern(name) || name == "a.>.b" {
			_, err = r.AddListener(name, "a", func(sig.Event) {})
			require.ErrorIs(t, err, sig.ErrInvalid, "%q", name)
			_, err = r.AddListener("a", name, func(sig.Event) {})
			require.ErrorIs(t, err, sig.ErrInvalid, "%q", name)
		}
	}
	_, err := r.AddListener("a", "a", nil)
	require.ErrorIs(t, err, sig.ErrInvalid)
	_, err = r.AddSender("s", sig.Answer("m", nil))
	require.ErrorIs(t, err, sig.ErrInvalid)
	require.Equal(t, []string{"nil true []"}, listSenders(t, r))
}
