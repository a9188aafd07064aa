package sig_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// A stub is a Bus that hands over what it is given.
type stub struct {
	listener sig.Listener
	cfg      sig.ListenConfig
	answer   sig.Handler
	data     any
}

func (b *stub) AddSender(string, ...sig.SenderOption) (sig.Sender, error) {
	return nil, errors.New("not here")
}

func (b *stub) AddListener(_, _ string, fn sig.Listener, opts ...sig.ListenOption) (sig.Subscription, error) {
	b.listener, b.cfg = fn, sig.NewListenConfig(opts...)
	return nil, nil
}

func (b *stub) Request(ctx context.Context, sender, method string, params any) (sig.Response, error) {
	v, err := b.answer(ctx, sig.NewRequest(sender, method, params))
	return sig.Response{Data: v}, err
}

func (b *stub) Senders(context.Context) ([]sig.SenderInfo, error) { return nil, nil }

func (b *stub) Name() string                      { return "s" }
func (b *stub) Remove() error                     { return nil }
func (b *stub) Signal(string) (sig.Signal, error) { return b, nil }
func (b *stub) Trigger(data any) error            { b.data = data; return nil }
func (b *stub) Listeners() int                    { return 3 }

func TestOn(t *testing.T) {
	var b stub
	var got []int
	var bad []error
	_, err := sig.On(&b, "s", "a", func(e sig.Event, n int) { got = append(got, n) }, func(e sig.Event, err error) { bad = append(bad, err) }, sig.Below())
	require.NoError(t, err)
	require.True(t, b.cfg.Below)
	require.Equal(t, 1, b.cfg.Callers)
	b.listener(sig.NewEvent("s", "a", 1))
	b.listener(sig.NewEvent("s", "a", raw(`2`)))
	b.listener(sig.NewEvent("s", "a", "x"))
	require.Equal(t, []int{1, 2}, got)
	require.Len(t, bad, 1)
	_, err = sig.On(&b, "s", "a", func(sig.Event, int) { t.Error("called") }, nil)
	require.NoError(t, err)
	b.listener(sig.NewEvent("s", "a", "x"))
}

func TestAskAndHandle(t *testing.T) {
	b := stub{answer: sig.Handle(func(_ context.Context, p point) (int, error) {
		if p.X < 0 {
			return 0, sig.Errorf(sig.ErrRefused, "negative")
		}
		return p.X + p.Y, nil
	})}
	n, err := sig.Ask[int](t.Context(), &b, "s", "add", point{1, 2})
	require.NoError(t, err)
	require.Equal(t, 3, n)
	f, err := sig.Ask[float64](t.Context(), &b, "s", "add", raw(`{"X":1,"Y":3}`))
	require.NoError(t, err)
	require.Equal(t, 4.0, f)
	_, err = sig.Ask[string](t.Context(), &b, "s", "add", point{1, 2})
	require.ErrorContains(t, err, "response of s.add")
	_, err = sig.Ask[int](t.Context(), &b, "s", "add", "x")
	require.ErrorIs(t, err, sig.ErrInvalid)
	require.ErrorContains(t, err, "parameters of s.add")
	_, err = sig.Ask[int](t.Context(), &b, "s", "add", point{-1, 2})
	require.ErrorIs(t, err, sig.ErrRefused)
}

func TestSignalOf(t *testing.T) {
	var b stub
	s, err := sig.SignalOf[point](&b, "a")
	require.NoError(t, err)
	require.NoError(t, s.Trigger(point{1, 2}))
	require.Equal(t, point{1, 2}, b.data)
	require.Equal(t, 3, s.Listeners())
}

func TestOptions(t *testing.T) {
	h := func(context.Context, sig.Request) (any, error) { return nil, nil }
	c := sig.NewSenderConfig(sig.Events("a", "b"), sig.Retain("c"), sig.RetainValue("d", 7), sig.Answer("m", h), sig.AnswerRest(h))
	require.Equal(t, []string{"a", "b", "c", "d"}, c.Events)
	require.Equal(t, []string{"c", "d"}, c.Retained)
	require.Equal(t, map[string]any{"d": 7}, c.Initial)
	require.Len(t, c.Requests, 1)
	require.NotNil(t, c.Default)

	l := sig.NewListenConfig(sig.Queue(0, sig.Latest), sig.Waitable(), sig.SkipRetained(), sig.Helper(), sig.Helper(), sig.OnDrop(func(sig.Drop) {}))
	require.Equal(t, 1024, l.Queue)
	require.Equal(t, sig.Latest, l.Policy)
	require.True(t, l.Waitable)
	require.True(t, l.SkipFirst)
	require.Equal(t, 2, l.Callers)
	require.NotNil(t, l.OnDrop)
	require.Equal(t, 5, sig.NewListenConfig(sig.Queue(5, sig.Block)).Queue)
}
