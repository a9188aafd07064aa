package survive

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// O9: a circle of requests ends at MaxHops, one of events at MaxMessagesSecond where that
// is set: with an error each, and a second later the router does nothing any more.
func TestCirclesEnd(t *testing.T) {
	cmd, url := start(t, "server", []string{"SURVIVE_MESSAGES=2000"})
	refused := make(chan error, 1000)
	dial := func() *router.ClientRouter {
		c, err := router.ClientOptions{Schemes: sigrouter.Schemes(), OnError: func(err error) { refused <- err }}.Dial(t.Context(), url)
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	a, b := dial(), dial()
	var asked, heard atomic.Int64
	ask := func(c *router.ClientRouter, other string) sig.SenderOption {
		return sig.Answer("ask", func(ctx context.Context, _ sig.Request) (any, error) {
			asked.Add(1)
			resp, err := c.RemoteRequest(ctx, other, "ask", nil)
			return resp.Data, err
		})
	}
	sa, err := a.AddRemoteSender(t.Context(), "a", sig.Events("e"), ask(a, "b"))
	require.NoError(t, err)
	sb, err := b.AddRemoteSender(t.Context(), "b", sig.Events("e"), ask(b, "a"))
	require.NoError(t, err)

	_, err = a.RemoteRequest(t.Context(), "b", "ask", nil)
	require.ErrorIs(t, err, sig.ErrLimit)
	require.ErrorContains(t, err, "MaxHops")
	require.EqualValues(t, 16+1, asked.Load())
	idle(t, cmd.Process.Pid, &asked)

	bounce := func(from sig.Sender) sig.Listener {
		out, err := from.Signal("e")
		require.NoError(t, err)
		return func(sig.Event) {
			heard.Add(1)
			_ = out.Trigger(nil)
		}
	}
	_, err = a.AddRemoteListener(t.Context(), "b", "e", bounce(sa))
	require.NoError(t, err)
	_, err = b.AddRemoteListener(t.Context(), "a", "e", bounce(sb))
	require.NoError(t, err)
	first, err := sa.Signal("e")
	require.NoError(t, err)
	require.NoError(t, first.Trigger(nil))
	select {
	case err := <-refused:
		require.ErrorIs(t, err, sig.ErrLimit)
		require.ErrorContains(t, err, "MaxMessagesSecond")
	case <-time.After(patience):
		require.Fail(t, "the circle has no end", "%d events", heard.Load())
	}
	require.Greater(t, heard.Load(), int64(100), "it went around")
	idle(t, cmd.Process.Pid, &heard)
}

// idle checks that a process does next to nothing, a second from now, and that nothing is
// counted any more.
func idle(t *testing.T, pid int, counted *atomic.Int64) {
	t.Helper()
	time.Sleep(time.Second) // what the case allows
	before, was := cpu(t, pid), counted.Load()
	const watched = 2 * time.Second
	time.Sleep(watched)
	spent := cpu(t, pid) - before
	t.Logf("%d times around; a second later the router uses %v in %v", was, spent, watched)
	require.Equal(t, was, counted.Load(), "the circle goes on")
	require.LessOrEqual(t, spent, watched/50, "the router is busy")
}
