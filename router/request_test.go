package router

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// answerOf asks as a server does for a client: in the calling goroutine, with a context that may end.
func answerOf(ctx context.Context, r *Router, sender, method string, params any) (sig.Response, error) {
	m, err := r.method(sender, method)
	if err != nil {
		return sig.Response{}, err
	}
	return m.answer(ctx, params)
}

// ask requests in each way there is, and checks that all give the same.
func ask(t *testing.T, r *Router, sender, method string, params any) (any, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	resp, err := r.Request(context.Background(), sender, method, params)
	for i, other := range []func() (sig.Response, error){
		func() (sig.Response, error) { return r.Request(ctx, sender, method, params) },
		func() (sig.Response, error) {
			return r.Request(context.WithValue(context.Background(), t, 1), sender, method, params)
		},
		func() (sig.Response, error) { return r.Method(sender, method).Request(context.Background(), params) },
		func() (sig.Response, error) { return r.Method(sender, method).Request(ctx, params) },
		func() (sig.Response, error) { return answerOf(ctx, r, sender, method, params) },
	} {
		resp2, err2 := other()
		require.Equal(t, resp, resp2, "way %d", i)
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(err2), "way %d", i)
	}
	return resp.Data, err
}

func TestRequest(t *testing.T) {
	r, _ := newRouter(t, Options{})
	typed := &sig.Error{Status: sig.StatusFailed, Code: "too_far", Message: "it is too far", Data: 7}
	addSender(t, r, "s",
		sig.Answer("echo", func(_ context.Context, q sig.Request) (any, error) { return q.Params, nil }),
		sig.Answer("who", func(_ context.Context, q sig.Request) (any, error) { return q.Sender + "." + q.Method, nil }),
		sig.Answer("fail", func(context.Context, sig.Request) (any, error) { return nil, typed }),
		sig.Answer("panic", func(context.Context, sig.Request) (any, error) { panic("boom") }),
	)
	addSender(t, r, "rest", sig.AnswerRest(func(_ context.Context, q sig.Request) (any, error) { return q.Method, nil }))
	addSender(t, r, "silent", sig.Events("a"))

	v, err := ask(t, r, "s", "echo", "x")
	require.NoError(t, err)
	require.Equal(t, "x", v)
	v, err = ask(t, r, "s", "who", nil)
	require.NoError(t, err)
	require.Equal(t, "s.who", v)
	v, err = ask(t, r, "rest", "anything", nil)
	require.NoError(t, err)
	require.Equal(t, "anything", v)

	_, err = ask(t, r, "s", "fail", nil)
	require.Same(t, typed, err)
	_, err = ask(t, r, "s", "panic", nil)
	require.ErrorContains(t, err, "boom")
	require.Equal(t, sig.StatusFailed, sig.AsError(err).Status)
	for _, c := range []struct {
		sender, method string
		kind           error
		text           string
	}{
		{"nobody", "echo", sig.ErrNoSender, `sender "nobody" is not connected`},
		{"s", "other", sig.ErrNoMethod, `sender "s" has no method "other"`},
		{"silent", "echo", sig.ErrNoMethod, `sender "silent" answers no requests`},
		{"s", "", sig.ErrInvalid, "empty method name"},
		{"rest", "", sig.ErrInvalid, "empty method name"},
		{"", "echo", sig.ErrInvalid, "empty sender name"},
	} {
		_, err := ask(t, r, c.sender, c.method, nil)
		require.ErrorIs(t, err, c.kind)
		require.ErrorContains(t, err, c.text)
	}
}

func TestRequest_PanicIsReported(t *testing.T) {
	var told []Panic
	r, log := newRouter(t, Options{OnPanic: func(p Panic) { told = append(told, p) }})
	addSender(t, r, "s", sig.Answer("m", func(context.Context, sig.Request) (any, error) { panic("boom") }))
	m := r.Method("s", "m")
	for range 2 {
		_, err := m.Request(context.Background(), nil)
		require.ErrorContains(t, err, `the handler of "m" of "s" panicked: boom`)
	}
	require.Len(t, told, 2)
	require.Equal(t, "m", told[0].Method)
	require.Contains(t, told[0].Place, "help_test.go:")
	require.Contains(t, told[0].String(), `handler of "m" of "s"`)
	require.Contains(t, log.String(), "method=m")
}

// A held request follows its sender's coming and going.
func TestMethod_FollowsTheSender(t *testing.T) {
	r, _ := newRouter(t, Options{})
	m := r.Method("s", "m")
	for i := range 3 {
		_, err := m.Request(context.Background(), nil)
		require.ErrorIs(t, err, sig.ErrNoSender)
		s := addSender(t, r, "s", sig.Answer("m", func(context.Context, sig.Request) (any, error) { return i, nil }))
		for range 2 {
			resp, err := m.Request(context.Background(), nil)
			require.NoError(t, err)
			require.Equal(t, i, resp.Data)
		}
		require.NoError(t, s.Remove())
	}
	addSender(t, r, "s", sig.Events("a"))
	_, err := m.Request(context.Background(), nil)
	require.ErrorIs(t, err, sig.ErrNoMethod)
}

// A caller that gives up returns, though the handler does not.
func TestRequest_CallerGivesUp(t *testing.T) {
	r, _ := newRouter(t, Options{})
	release, ended := make(chan struct{}), make(chan error, 3)
	addSender(t, r, "s", sig.Answer("m", func(ctx context.Context, _ sig.Request) (any, error) {
		<-ctx.Done()
		ended <- ctx.Err()
		<-release
		return 1, nil
	}))
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := r.Request(ctx, "s", "m", nil)
	require.ErrorIs(t, err, sig.ErrTimeout)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, `request "m" of "s"`)
	require.ErrorIs(t, receive(t, ended), context.DeadlineExceeded)

	_, err = r.Request(ctx, "s", "m", nil)
	require.ErrorIs(t, err, sig.ErrTimeout, "the handler is not even called")
	require.Empty(t, ended)

	ctx, cancel = context.WithCancel(t.Context())
	go cancel()
	_, err = r.Request(ctx, "s", "m", nil)
	require.ErrorIs(t, err, sig.ErrCanceled)
}

func TestRequest_HandlerEndsItsGoroutine(t *testing.T) {
	r, _ := newRouter(t, Options{})
	addSender(t, r, "s", sig.Answer("m", func(context.Context, sig.Request) (any, error) { runtime.Goexit(); return nil, nil }))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := r.Request(ctx, "s", "m", nil)
	require.ErrorContains(t, err, "ended its goroutine")
}

// The contexts of handlers end with the router, whatever the caller gave.
func TestRequest_ContextEndsWithTheRouter(t *testing.T) {
	type key struct{}
	for _, ctx := range []context.Context{context.Background(), t.Context(), context.WithValue(context.Background(), key{}, 1)} {
		r, _ := newRouter(t, Options{})
		started := make(chan struct{})
		addSender(t, r, "s", sig.Answer("m", func(ctx context.Context, _ sig.Request) (any, error) {
			close(started)
			<-ctx.Done()
			return ctx.Value(key{}), errors.New("over")
		}))
		result := make(chan error, 1)
		go func() {
			_, err := r.Request(ctx, "s", "m", nil)
			result <- err
		}()
		<-started
		require.NoError(t, r.Close())
		require.EqualError(t, receive(t, result), "over")
	}
}
