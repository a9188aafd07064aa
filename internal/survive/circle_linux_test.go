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

// O9: a circle of requests ends at MaxHops, one of events there too where each is triggered
// from the one before, else at MaxMessagesSecond where that is set: with an error each, and a
// second later the router does nothing any more.
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
	sa, err := a.AddRemoteSender(t.Context(), "a", sig.Events("e", "from"), ask(a, "b"))
	require.NoError(t, err)
	sb, err := b.AddRemoteSender(t.Context(), "b", sig.Events("e", "from"), ask(b, "a"))
	require.NoError(t, err)

	_, err = a.RemoteRequest(t.Context(), "b", "ask", nil)
	require.ErrorIs(t, err, sig.ErrLimit)
	require.ErrorContains(t, err, "MaxHops")
	require.EqualValues(t, 16+1, asked.Load())
	idle(t, cmd.Process.Pid, &asked)

	bounce := func(event string, trigger func(sig.Signal, sig.Event) error, limit string) {
		answer := func(to *router.ClientRouter, hear string, from sig.Sender) sig.Signal {
			out, err := from.Signal(event)
			require.NoError(t, err)
			_, err = to.AddRemoteListener(t.Context(), hear, event, func(e sig.Event) {
				heard.Add(1)
				if err := trigger(out, e); err != nil {
					refused <- err
				}
			})
			require.NoError(t, err)
			return out
		}
		answer(b, "a", sb)
		require.NoError(t, answer(a, "b", sa).Trigger(nil))
		select {
		case err := <-refused:
			require.ErrorIs(t, err, sig.ErrLimit)
			require.ErrorContains(t, err, limit)
		case <-time.After(patience):
			require.Fail(t, "the circle has no end", "%d events", heard.Load())
		}
		idle(t, cmd.Process.Pid, &heard)
	}
	bounce("from", func(out sig.Signal, e sig.Event) error { return sig.TriggerFrom(out, e, nil) }, "MaxHops")
	require.EqualValues(t, 16+1, heard.Load())
	bounce("e", func(out sig.Signal, _ sig.Event) error { return out.Trigger(nil) }, "MaxMessagesSecond")
	require.Greater(t, heard.Load(), int64(100), "it went around")
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
