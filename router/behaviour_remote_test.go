package router_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/pysig"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// mute is a classic client that listens and never answers.
func mute(t *testing.T, s *site, sender, event string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.hostport(t))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	_, err = fmt.Fprintf(conn, `{"id": 1, "method": "add_listener", "params": {"sender": %q, "event": %q}}`, sender, event)
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, pysig.ReadSize))
	require.NoError(t, err)
}

// TestBehaviourRemote goes on where TestBehaviour ends: what pysig's servers and clients
// do, row by row, and what ours do in its place. See docs/pysig.md.
func TestBehaviourRemote(t *testing.T) {
	for _, c := range []struct {
		row, says string
		check     func(t *testing.T, s *site)
	}{
		{"P30", "a signal is answered when every listener of the router has run; remote ones are not waited for", func(t *testing.T, s *site) {
			mute(t, s, "timer", "tic")
			ran := false
			_, err := s.srv.AddListener("timer", "tic", func(sig.Event) { ran = true })
			require.NoError(t, err)
			c := dialPysig(t, s.hostport(t))
			require.NoError(t, c.AddRemoteSender("timer", []string{"tic"}, nil))
			require.NoError(t, c.Trigger("timer", "tic", 1))
			require.True(t, ran)
			require.NoError(t, c.Trigger("timer", "tic", 2), "a second one, though the first is not answered by the other client")
		}},
		{"P31", "the time limit of a call is 30 s, an option, and what its context says", func(t *testing.T, s *site) {
			owner := hello(t, s)
			owner.done(`{"id":1,"method":"add_sender","params":{"sender":"silent","requests":[null]}}`)
			_, err := s.dial(t, router.ClientOptions{}).RemoteRequest(shortly(t), "silent", "m", nil)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorIs(t, err, sig.ErrTimeout, "the same as in one process")
			require.EqualError(t, err, `request "m" of "silent": context deadline exceeded`)
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = s.dial(t, router.ClientOptions{}).RemoteRequest(gone, "silent", "m", nil)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, sig.ErrCanceled)
			c := s.dial(t, router.ClientOptions{Limits: carrier.Limits{CallTimeout: 300 * time.Millisecond}})
			_, err = c.RemoteRequest(t.Context(), "silent", "m", nil)
			require.ErrorIs(t, err, sig.ErrTimeout)
		}},
		{"P32", "nobody polls: a reply is there when it comes", func(t *testing.T, s *site) {
			_, err := s.srv.AddSender("s", sig.AnswerRest(func(context.Context, sig.Request) (any, error) { return 1, nil }))
			require.NoError(t, err)
			c := s.dial(t, router.ClientOptions{})
			const n = 500
			start := time.Now()
			for range n {
				_, err := c.RemoteRequest(t.Context(), "s", "m", nil)
				require.NoError(t, err)
			}
			require.Less(t, time.Since(start), n*10*time.Millisecond)
		}},
		{"P33", "a call that fails is an error; null, 0, false and the empty string are themselves", func(t *testing.T, s *site) {
			_, err := s.srv.AddSender("s", sig.AnswerRest(func(_ context.Context, r sig.Request) (any, error) { return r.Params, nil }))
			require.NoError(t, err)
			c := s.dial(t, router.ClientOptions{})
			for _, v := range []any{nil, int64(0), false, "", map[string]any{}} {
				got, err := sig.Ask[any](t.Context(), c.Remote(), "s", "m", v)
				require.NoError(t, err)
				require.Equal(t, v, got)
			}
			require.NoError(t, s.srv.RemoveSender("s"))
			_, err = c.RemoteRequest(t.Context(), "s", "m", nil)
			require.ErrorIs(t, err, sig.ErrNoSender)
		}},
		{"P34", "an error of a remote handler reaches who asked, in its words", func(t *testing.T, s *site) {
			owner, asker := dialPysig(t, s.hostport(t)), dialPysig(t, s.hostport(t))
			require.NoError(t, owner.AddRemoteSender("s", []string{"e"}, func(string, any) (any, error) { return nil, errors.New("out of paper") }))
			_, err := asker.RemoteRequest("s", "print", nil)
			require.ErrorContains(t, err, "status -2: out of paper")
			_, err = s.dial(t, router.ClientOptions{}).RemoteRequest(t.Context(), "s", "print", nil)
			require.EqualError(t, err, "out of paper")
		}},
		{"P35", "a request whose answerer goes fails at once and says so", func(t *testing.T, s *site) {
			owner, asker := dialPysig(t, s.hostport(t)), dialPysig(t, s.hostport(t))
			entered, leave := make(chan struct{}), make(chan struct{})
			defer close(leave)
			require.NoError(t, owner.AddRemoteSender("s", []string{"e"}, func(string, any) (any, error) {
				close(entered)
				<-leave
				return nil, nil
			}))
			failed := make(chan error, 1)
			go func() {
				_, err := asker.RemoteRequest("s", "m", nil)
				failed <- err
			}()
			<-entered
			owner.Close()
			require.ErrorContains(t, <-failed, fmt.Sprintf("status %d: connection to", sig.StatusNotConnected))
		}},
		{"P36", "a sender that the server refuses is an error, and is not there", func(t *testing.T, s *site) {
			a, b := s.dial(t, router.ClientOptions{}), s.dial(t, router.ClientOptions{})
			addRemote(t, a, "s", "e")
			_, err := b.AddRemoteSender(t.Context(), "s", sig.Events("e"))
			require.ErrorIs(t, err, sig.ErrTaken)
			_, there := b.Sender("s")
			require.False(t, there)
		}},
		{"P37", "a client's remote sender is heard by the client's own listeners too", func(t *testing.T, s *site) {
			c := s.dial(t, router.ClientOptions{})
			here, there := newCollect(), newCollect()
			_, err := c.AddListener("s", sig.Any, here.listen)
			require.NoError(t, err)
			_, err = s.srv.AddListener("s", sig.Any, there.listen)
			require.NoError(t, err)
			snd, err := c.AddRemoteSender(t.Context(), "s", sig.Events("e"))
			require.NoError(t, err)
			e, err := snd.Signal("e")
			require.NoError(t, err)
			require.NoError(t, e.Trigger(1))
			require.NoError(t, snd.Remove())
			for _, name := range []string{sig.Connect, "e", sig.Disconnect} {
				require.Equal(t, name, here.next(t).Name)
				require.Equal(t, name, there.next(t).Name)
			}
		}},
		{"P38", "removing a remote sender works, on both sides", func(t *testing.T, s *site) {
			c := s.dial(t, router.ClientOptions{})
			snd, err := c.AddRemoteSender(t.Context(), "s", sig.Events("e"))
			require.NoError(t, err)
			require.NoError(t, snd.Remove())
			require.NoError(t, snd.Remove())
			_, here := c.Sender("s")
			_, there := s.srv.Sender("s")
			require.False(t, here || there)
		}},
		{"P39", "a remote listener may come before its sender; an undeclared event is refused", func(t *testing.T, s *site) {
			c := s.dial(t, router.ClientOptions{})
			got := newCollect()
			listenRemote(t, c, "later", "e", got.listen)
			require.NoError(t, addRemote(t, c, "later", "e").Trigger(1))
			require.Equal(t, int64(1), got.data(t))
			_, err := c.AddRemoteListener(t.Context(), "later", "f", got.listen)
			require.ErrorIs(t, err, sig.ErrNoEvent)
		}},
		{"P40", "Remove ends the one subscription, not another of the same function", func(t *testing.T, s *site) {
			c := s.dial(t, router.ClientOptions{})
			got := newCollect()
			e := listenRemote(t, c, "s", "e", got.listen)
			listenRemote(t, c, "s", "f", got.listen)
			e.Remove()
			snd, err := s.srv.AddSender("s", sig.Events("e", "f"))
			require.NoError(t, err)
			for _, event := range []string{"e", "f"} {
				sg, err := snd.Signal(event)
				require.NoError(t, err)
				require.NoError(t, sg.Trigger(nil))
			}
			require.Equal(t, "f", got.next(t).Name)
		}},
		{"P41", "a listener that never answers holds up neither the sender nor the others", func(t *testing.T, s *site) {
			mute(t, s, "timer", "tic")
			c := dialPysig(t, s.hostport(t))
			got := make(chan any, 10)
			require.NoError(t, c.AddRemoteListener("timer", "tic", func(_, _ string, data any) { got <- data }))
			owner := dialPysig(t, s.hostport(t))
			require.NoError(t, owner.AddRemoteSender("timer", []string{"tic"}, nil))
			for i := range 5 {
				require.NoError(t, owner.Trigger("timer", "tic", i))
				require.Equal(t, float64(i), <-got)
			}
		}},
		{"P42", "a client hears its own sender, and may ask it", func(t *testing.T, s *site) {
			c := dialPysig(t, s.hostport(t))
			got := make(chan any, 1)
			require.NoError(t, c.AddRemoteSender("self", []string{"e"}, nil))
			require.NoError(t, c.AddRemoteListener("self", "e", func(_, _ string, data any) { got <- data }))
			require.NoError(t, c.Trigger("self", "e", "hello"))
			require.Equal(t, "hello", <-got)

			ours := s.dial(t, router.ClientOptions{})
			heard := newCollect()
			listenRemote(t, ours, "me", "e", heard.listen)
			e := addRemote(t, ours, "me", "e", sig.Answer("name", func(context.Context, sig.Request) (any, error) { return "me", nil }))
			require.NoError(t, e.Trigger("hello"))
			require.Equal(t, "hello", heard.data(t))
			name, err := sig.Ask[string](t.Context(), ours.Remote(), "me", "name", nil)
			require.NoError(t, err)
			require.Equal(t, "me", name)
		}},
		{"P43", "a listener may ask and trigger over the connection that its event came by", func(t *testing.T, s *site) {
			_, err := s.srv.AddSender("calc", sig.Answer("double", sig.Handle(func(_ context.Context, n int) (int, error) { return 2 * n, nil })))
			require.NoError(t, err)
			c := s.dial(t, router.ClientOptions{})
			answers := newCollect()
			listenRemote(t, c, "doubler", "n", answers.listen)
			doubled := addRemote(t, c, "doubler", "n")
			listenRemote(t, c, "source", "n", func(e sig.Event) {
				n, err := sig.Ask[int](t.Context(), c.Remote(), "calc", "double", e.Data)
				require.NoError(t, err)
				require.NoError(t, doubled.Trigger(n))
			})
			src, err := s.srv.AddSender("source", sig.Events("n"))
			require.NoError(t, err)
			n, err := src.Signal("n")
			require.NoError(t, err)
			require.NoError(t, n.Trigger(21))
			require.Equal(t, int64(42), answers.data(t))
		}},
		{"P44", "a client acts for its own senders only; see TestPromise15_OnlyWhatIsOnesOwn", func(t *testing.T, s *site) {
			a, b := dialPysig(t, s.hostport(t)), dialPysig(t, s.hostport(t))
			require.NoError(t, a.AddRemoteSender("s", []string{"e"}, nil))
			require.ErrorContains(t, b.Trigger("s", "e", 1), "not yours")
			require.ErrorContains(t, a.Trigger("s", "#connect", 1), "built in")
			_, err := b.Call("remove_sender", map[string]any{"sender": "s"})
			require.ErrorContains(t, err, "not yours")
			require.NoError(t, a.Trigger("s", "e", 1))
		}},
		{"P45", "when a client goes, its senders go, and the others hear it; it may come back at once", func(t *testing.T, s *site) {
			gone := newCollect()
			_, err := s.srv.AddListener(sig.Any, sig.Disconnect, gone.listen)
			require.NoError(t, err)
			c := dialPysig(t, s.hostport(t))
			require.NoError(t, c.AddRemoteSender("s", []string{"e"}, nil))
			c.Close()
			require.Equal(t, "s", gone.next(t).Sender)
			require.Zero(t, s.srv.Stats().Senders)
			require.NoError(t, dialPysig(t, s.hostport(t)).AddRemoteSender("s", []string{"e"}, nil))
		}},
		{"P46", "a client that loses its server is told; its senders stay, and its own listeners hear them", func(t *testing.T, s *site) {
			states := make(chan router.State, 10)
			c := s.dial(t, router.ClientOptions{OnState: func(st router.State) { states <- st }})
			e := addRemote(t, c, "s", "e")
			got := newCollect()
			_, err := c.AddListener("s", "e", got.listen)
			require.NoError(t, err)
			require.True(t, (<-states).Connected)
			require.NoError(t, s.srv.Close())
			require.False(t, (<-states).Connected)
			require.NoError(t, e.Trigger("still"))
			require.Equal(t, "still", got.data(t))
		}},
		{"P47", "a client comes back and adds everything again, at a pysig server too", func(t *testing.T, s *site) {
			srv, err := pysig.NewServer("127.0.0.1:0")
			require.NoError(t, err)
			at := &site{schemes: s.schemes, url: "tcp://" + srv.Addr()}
			states := make(chan router.State, 100)
			c := at.dial(t, router.ClientOptions{MaxBackoff: 20 * time.Millisecond, OnState: func(st router.State) { states <- st }})
			got := newCollect()
			listenRemote(t, c, "timer", "tic", got.listen)
			e := addRemote(t, c, "mine", "e")
			require.True(t, (<-states).Connected)
			srv.Close()
			require.False(t, (<-states).Connected)
			srv, err = pysig.NewServer(srv.Addr())
			require.NoError(t, err)
			defer srv.Close()
			require.True(t, (<-states).Connected)
			require.NoError(t, srv.AddSender("timer", []string{"tic"}, nil))
			require.NoError(t, srv.Trigger("timer", "tic", "again"))
			require.Equal(t, "again", got.data(t))
			heard := make(chan any, 1)
			require.NoError(t, dialPysig(t, srv.Addr()).AddRemoteListener("mine", "e", func(_, _ string, data any) { heard <- data }))
			require.NoError(t, e.Trigger("me too"))
			require.Equal(t, "me too", <-heard)
		}},
		{"P48", "a client is one connection; closing it twice does nothing, and it ends for good", func(t *testing.T, s *site) {
			c := s.dial(t, router.ClientOptions{})
			require.NoError(t, c.Close())
			require.NoError(t, c.Close())
			_, err := c.RemoteRequest(t.Context(), "s", "m", nil)
			require.ErrorIs(t, err, sig.ErrNotConnected)
			require.False(t, c.Connected())
		}},
		{"P49", "a port that is taken is an error that says so; one that was given up can be taken at once", func(t *testing.T, s *site) {
			_, err := s.srv.Listen(t.Context(), s.url)
			require.ErrorContains(t, err, "address already in use")
			c := dialPysig(t, s.hostport(t))
			require.NoError(t, s.srv.Close())
			<-c.Done()
			require.NoError(t, s.srv.Close())
			again := router.ServerOptions{Schemes: s.schemes}.New()
			defer again.Close()
			_, err = again.Listen(t.Context(), s.url)
			require.NoError(t, err)
		}},
		{"P50", "IPv6 as well as IPv4, where the machine has it", func(t *testing.T, s *site) {
			l, err := s.srv.Listen(t.Context(), "tcp://[::1]:0")
			if err != nil {
				require.ErrorContains(t, err, "[::1]", "a machine without IPv6: the error says what was tried")
				return
			}
			at := &site{srv: s.srv, schemes: s.schemes, url: l.URL()}
			_, err = at.dial(t, router.ClientOptions{}).Ping(t.Context())
			require.NoError(t, err)
		}},
		{"P51", "connections are told apart by numbers that do not come again", func(t *testing.T, s *site) {
			seen := map[uint64]bool{}
			for range 3 {
				c := hello(t, s)
				seen[s.srv.Peers()[0].ID] = true
				s.emptied(t, c)
			}
			require.Len(t, seen, 3)
		}},
		{"P52", "calls and replies of both directions never run into each other", func(t *testing.T, s *site) {
			c := dialPysig(t, s.hostport(t))
			require.NoError(t, c.AddRemoteSender("echo", []string{"e"}, func(method string, _ any) (any, error) { return method, nil }))
			var wg sync.WaitGroup
			for g := range 4 {
				wg.Go(func() {
					for i := range 10 {
						method := fmt.Sprint(g, "-", i)
						if got, err := sig.Ask[string](t.Context(), s.srv, "echo", method, nil); err != nil || got != method {
							t.Errorf("asked %q, got %q, %v", method, got, err)
						}
						if _, err := c.Call("get_version", nil); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			require.Zero(t, c.Lost())
		}},
	} {
		t.Run(c.row, func(t *testing.T) {
			c.check(t, newSite(t, router.ServerOptions{}))
			if t.Failed() {
				t.Logf("%s: %s", c.row, c.says)
			}
		})
	}
}
