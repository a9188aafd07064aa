package router_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// Promise 16: Shutdown lets handlers that run finish, and their callers have the reply.
func TestPromise16_RequestsFinish(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	entered, leave := make(chan struct{}), make(chan struct{})
	_, err := s.srv.AddSender("s", sig.Answer("m", func(context.Context, sig.Request) (any, error) {
		close(entered)
		<-leave
		return "done", nil
	}))
	require.NoError(t, err)
	c := s.dial(t, router.ClientOptions{NoReconnect: true})
	type answer struct {
		resp sig.Response
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		resp, err := c.RemoteRequest(context.Background(), "s", "m", nil)
		got <- answer{resp, err}
	}()
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- s.srv.Shutdown(context.Background()) }()
	select {
	case err := <-ended:
		require.Fail(t, "Shutdown did not wait for the handler", "%v", err)
	case <-time.After(50 * time.Millisecond): // long enough for what must not come
	}
	close(leave)
	a := <-got
	require.NoError(t, a.err)
	require.Equal(t, `"done"`, a.resp.Data.(*sig.Raw).String())
	require.NoError(t, <-ended)
}

// Promise 16: a handler that never returns does not keep Shutdown; the error says so.
func TestPromise16_StuckHandler(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	entered, leave := make(chan struct{}), make(chan struct{})
	_, err := s.srv.AddSender("s", sig.Answer("m", func(context.Context, sig.Request) (any, error) {
		close(entered)
		<-leave
		return nil, nil
	}))
	require.NoError(t, err)
	c := s.dial(t, router.ClientOptions{NoReconnect: true})
	failed := make(chan error, 1)
	go func() {
		_, err := c.RemoteRequest(context.Background(), "s", "m", nil)
		failed <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorContains(t, s.srv.Shutdown(ctx), "has not returned")
	require.ErrorIs(t, <-failed, sig.ErrNotConnected)
	close(leave)
}
