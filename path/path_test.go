package path_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/path"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/router/routertest"
	"github.com/sigrouter/sigrouter/sig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// everywhere runs a test with all links in one process, at clients in memory, and at clients
// over TCP.
func everywhere(t *testing.T, test func(t *testing.T, bus func() sig.Bus)) {
	t.Run("in process", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := router.New()
			t.Cleanup(func() { r.Close() })
			test(t, func() sig.Bus { return r })
		})
	})
	t.Run("in memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			site := routertest.New(t)
			test(t, func() sig.Bus { return site.Client("").Remote() })
		})
	})
	t.Run("TCP", func(t *testing.T) {
		srv := sigrouter.NewServer()
		t.Cleanup(func() { srv.Close() })
		l, err := srv.Listen(t.Context(), "tcp://127.0.0.1:0")
		require.NoError(t, err)
		test(t, func() sig.Bus {
			c, err := sigrouter.Dial(t.Context(), l.URL())
			require.NoError(t, err)
			t.Cleanup(func() { c.Close() })
			return c.Remote()
		})
	})
}

func join(t *testing.T, b sig.Bus, o path.Options) *path.Link {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	l, err := path.Join(b, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// on adds a handler to a link.
func on(t *testing.T, l *path.Link, at string, fn path.Handler) (off func()) {
	t.Helper()
	off, err := l.On(at, fn)
	require.NoError(t, err)
	return off
}

// A list collects lines.
type list struct {
	mu  sync.Mutex
	all []string
}

func (l *list) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf(format, args...))
}

func (l *list) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.Join(l.all, ", ")
	l.all = nil
	return all
}

// Row X2: a message reaches the handlers of its path and of all above it, from the top.
func TestPaths(t *testing.T) {
	everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		server, client := join(t, bus(), path.Options{Name: "server"}), join(t, bus(), path.Options{Name: "client"})
		var got list
		for _, p := range []string{"person.old", "person", "", "person.old.x", "person.young", "person"} {
			on(t, server, p, func(_ context.Context, m *path.Received) error {
				got.add("%q", p)
				return nil
			})
		}
		for sent, want := range map[string]string{
			"person.old.x": `"", "person", "person", "person.old", "person.old.x"`,
			"person":       `"", "person", "person"`,
			"persona":      `""`,
			"person.older": `"", "person", "person"`,
			"x.person":     `""`,
		} {
			require.NoError(t, client.Send(t.Context(), "server", sent, path.New(1)))
			require.Equal(t, want, got.take(), sent)
		}
	})
}

// What is sent arrives, and so does the response.
func TestMessages(t *testing.T) {
	everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		server := join(t, bus(), path.Options{Name: "server"})
		var got list
		on(t, server, "test", func(_ context.Context, m *path.Received) error {
			got.add("%v %v %v %s %s", m.Data, m.Args, m.Named, m.Path, m.From)
			return m.Respond(path.New(fmt.Sprintf("Message '%s' received!", m.Data), 1).With("a", "b").With("c", "d"))
		})
		var replies list
		client := join(t, bus(), path.Options{Name: "client", OnResponse: func(p string, m path.Message) { replies.add("%s: %v", p, m.Data) }})
		m := path.New("Test", "an arg").With("something", "extra")
		m.OnResponse = func(m path.Message) { replies.add("response: %v", m.Data) }
		wire := client.To("server")
		reply, err := wire.SendAndWait(t.Context(), "test", m)
		require.NoError(t, err)
		require.Equal(t, "Test [an arg] map[something:extra] test client", got.take())
		require.Equal(t, "Message 'Test' received!", reply.Data)
		require.Equal(t, "[1] map[a:b c:d]", fmt.Sprint(reply.Args, reply.Named))
		require.Equal(t, "test: Message 'Test' received!, response: Message 'Test' received!", replies.take())

		require.NoError(t, wire.Send(t.Context(), "test", m))
		require.Empty(t, replies.take(), "of Send nobody is told")
	})
}

// Values of any type arrive, and decode.
func TestDecode(t *testing.T) {
	type point struct{ X, Y int }
	everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		server, client := join(t, bus(), path.Options{Name: "server"}), join(t, bus(), path.Options{})
		on(t, server, "", func(_ context.Context, m *path.Received) error {
			var p point
			if err := m.Decode(&p); err != nil {
				return err
			}
			return m.Respond(path.New(point{p.Y, p.X}))
		})
		reply, err := client.SendAndWait(t.Context(), "server", "swap", path.New(point{1, 2}))
		require.NoError(t, err)
		var p point
		require.NoError(t, reply.Decode(&p))
		require.Equal(t, point{2, 1}, p)
		require.ErrorContains(t, client.Send(t.Context(), "server", "swap", path.New("no point")), "string")
	})
}

// Row X4: a message that nobody responds to gets an empty response.
func TestDefaultReply(t *testing.T) {
	everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		server, client := join(t, bus(), path.Options{Name: "server"}), join(t, bus(), path.Options{})
		reply, err := client.SendAndWait(t.Context(), "server", "nobody.here", path.New("x"))
		require.NoError(t, err)
		require.Equal(t, path.Message{}, reply)
		on(t, server, "nobody", func(context.Context, *path.Received) error { return nil })
		reply, err = client.SendAndWait(t.Context(), "server", "nobody.here", path.New("x"))
		require.NoError(t, err)
		require.Equal(t, path.Message{}, reply)
	})
}

// Row X6, done right: what goes wrong in a handler is told to who sent the message, and the
// next message is handled as ever.
func TestErrors(t *testing.T) {
	everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		server, client := join(t, bus(), path.Options{Name: "server"}), join(t, bus(), path.Options{})
		var got list
		on(t, server, "", func(context.Context, *path.Received) error { got.add("all"); return nil })
		on(t, server, "fails", func(context.Context, *path.Received) error { return sig.Errorf(sig.ErrRefused, "not you") })
		on(t, server, "fails", func(context.Context, *path.Received) error { return errors.New("second") })
		on(t, server, "fails.late", func(_ context.Context, m *path.Received) error { return m.Respond(path.New("all the same")) })
		on(t, server, "panics", func(context.Context, *path.Received) error { panic("oh") })
		on(t, server, "panics", func(context.Context, *path.Received) error { got.add("next"); return nil })
		on(t, server, "twice", func(_ context.Context, m *path.Received) error {
			return errors.Join(m.Respond(path.New(1)), m.Respond(path.New(2)))
		})

		err := client.Send(t.Context(), "server", "fails", path.New(0))
		require.EqualError(t, err, "not you")
		require.ErrorIs(t, err, sig.ErrRefused)
		reply, err := client.SendAndWait(t.Context(), "server", "fails.late", path.New(0))
		require.NoError(t, err)
		require.Equal(t, "all the same", reply.Data)
		got.take()
		require.ErrorContains(t, client.Send(t.Context(), "server", "panics", path.New(0)), "a handler of panics panicked: oh")
		require.Equal(t, "all, next", got.take())
		reply, err = client.SendAndWait(t.Context(), "server", "twice", path.New(0))
		require.NoError(t, err)
		require.EqualValues(t, 1, reply.Data)

		require.ErrorIs(t, client.Send(t.Context(), "nobody", "x", path.New(0)), sig.ErrNoSender)
		for _, bad := range []string{"", ".", "a..b", "a.", ".a", "a.*", ">", "a\n"} {
			require.ErrorIs(t, client.Send(t.Context(), "server", bad, path.New(0)), sig.ErrInvalid, "%q", bad)
			if bad != "" {
				_, err := server.On(bad, nil)
				require.ErrorIs(t, err, sig.ErrInvalid, "%q", bad)
			}
		}
		_, err = path.Join(bus(), path.Options{Name: "server"})
		require.ErrorIs(t, err, sig.ErrTaken)
	})
}

// Row X5, done right: a timeout has an effect.
func TestTimeout(t *testing.T) {
	everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		server := join(t, bus(), path.Options{Name: "server"})
		client := join(t, bus(), path.Options{Timeout: 20 * time.Millisecond})
		gone := make(chan struct{}, 3)
		on(t, server, "slow", func(ctx context.Context, _ *path.Received) error {
			<-ctx.Done() // of who sent it
			gone <- struct{}{}
			return ctx.Err()
		})
		_, err := client.SendAndWait(t.Context(), "server", "slow", path.New(0))
		require.EqualError(t, err, "no response from server at slow in time")
		require.ErrorIs(t, err, sig.ErrTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		<-gone

		patient := join(t, bus(), path.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, patient.Send(ctx, "server", "slow", path.New(0)), sig.ErrTimeout)
		<-gone
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(20*time.Millisecond, func() { stop(io.EOF) })
		require.ErrorIs(t, patient.Send(ctx, "server", "slow", path.New(0)), io.EOF)
		<-gone
	})
}

// A response may come after the handlers have returned, and from elsewhere.
func TestLater(t *testing.T) {
	everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		server, client := join(t, bus(), path.Options{Name: "server"}), join(t, bus(), path.Options{})
		later := make(chan *path.Received, 1)
		on(t, server, "later", func(_ context.Context, m *path.Received) error {
			m.Later()
			later <- m
			return nil
		})
		go func() { (<-later).Respond(path.New("at last")) }()
		reply, err := client.SendAndWait(t.Context(), "server", "later", path.New(0))
		require.NoError(t, err)
		require.Equal(t, "at last", reply.Data)

		again := make(chan error, 1)
		go func() {
			m := <-later
			m.Fail(errors.New("it did not work out"))
			again <- m.Respond(path.New("too late"))
		}()
		require.ErrorContains(t, client.Send(t.Context(), "server", "later", path.New(0)), "it did not work out")
		require.ErrorIs(t, <-again, path.ErrResponded)

		go func() { (<-later).Fail(nil) }()
		require.NoError(t, client.Send(t.Context(), "server", "later", path.New(0)))

		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-later; cancel() }()
		require.ErrorIs(t, client.Send(ctx, "server", "later", path.New(0)), context.Canceled, "who gives up waits for nobody")
	})
}

// Row X1: handlers can be taken away, by themselves too.
func TestOff(t *testing.T) {
	everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		server, client := join(t, bus(), path.Options{Name: "server"}), join(t, bus(), path.Options{})
		var got list
		var once func()
		once = on(t, server, "a", func(context.Context, *path.Received) error { got.add("once"); once(); return nil })
		off := on(t, server, "a", func(context.Context, *path.Received) error { got.add("stays"); return nil })
		for _, want := range []string{"once, stays", "stays"} {
			require.NoError(t, client.Send(t.Context(), "server", "a", path.New(0)))
			require.Equal(t, want, got.take())
		}
		off()
		off()
		require.NoError(t, client.Send(t.Context(), "server", "a", path.New(0)))
		require.Empty(t, got.take())
		require.NoError(t, server.Close())
		require.ErrorIs(t, client.Send(t.Context(), "server", "a", path.New(0)), sig.ErrNoSender)
	})
}

// Who is written to can write back, from inside a handler too.
func TestBothWays(t *testing.T) {
	everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		a, b := join(t, bus(), path.Options{Name: "a"}), join(t, bus(), path.Options{Name: "b"})
		on(t, a, "question", func(ctx context.Context, m *path.Received) error {
			back, err := a.To(m.From).SendAndWait(ctx, "counter.question", path.New("who asks?"))
			if err != nil {
				return err
			}
			return m.Respond(path.New(fmt.Sprintf("yes, %v", back.Data)))
		})
		on(t, b, "counter", func(_ context.Context, m *path.Received) error { return m.Respond(path.New(b.Name())) })
		reply, err := b.SendAndWait(t.Context(), "a", "question", path.New("well?"))
		require.NoError(t, err)
		require.Equal(t, "yes, b", reply.Data)
	})
}

// Messages of one goroutine are handled in order, those of several at once.
func TestOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		server, client := join(t, bus(), path.Options{Name: "server"}), join(t, bus(), path.Options{})
		var got list
		on(t, server, "n", func(_ context.Context, m *path.Received) error { got.add("%v", m.Data); return nil })
		for i := range 5 {
			require.NoError(t, client.Send(t.Context(), "server", "n", path.New(i)))
		}
		require.Equal(t, "0, 1, 2, 3, 4", got.take())

		met := make(chan struct{})
		on(t, server, "meet", func(ctx context.Context, m *path.Received) error {
			select {
			case met <- struct{}{}:
			case <-met:
			case <-ctx.Done():
				return ctx.Err()
			}
			return nil
		})
		errs := make(chan error)
		for range 2 {
			go func() { errs <- client.Send(t.Context(), "server", "meet", path.New(0)) }()
		}
		require.NoError(t, <-errs)
		require.NoError(t, <-errs)
	})
}

// Programs without this package take part: what does not look like a message is a value.
func TestPlainRequests(t *testing.T) {
	everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		server, other := join(t, bus(), path.Options{Name: "server"}), bus()
		on(t, server, "", func(_ context.Context, m *path.Received) error {
			return m.Respond(path.New(fmt.Sprintf("%v|%v|%v|%s", m.Data, m.Args, m.Named, m.From)))
		})
		for _, c := range []struct {
			params any
			want   string
		}{
			{"Some Street", "Some Street|[]|map[]|"},
			{nil, "<nil>|[]|map[]|"},
			{[]any{"a"}, "[a]|[]|map[]|"},
			{map[string]any{"data": 1, "more": true}, "map[data:1 more:true]|[]|map[]|"},
			{map[string]any{}, "map[]|[]|map[]|"},
			{map[string]any{"args": []any{"a"}}, "map[args:[a]]|[]|map[]|"},
		} {
			reply, err := sig.Ask[map[string]any](t.Context(), other, "server", "x.y", c.params)
			require.NoError(t, err)
			require.Equal(t, map[string]any{"data": c.want}, reply)
		}
		if _, local := other.(*router.Router); !local { // where params are encoded
			reply, err := sig.Ask[map[string]any](t.Context(), other, "server", "x", map[string]any{"data": "d", "args": []any{"a"}, "kwargs": map[string]any{"k": "v"}, "from": "me"})
			require.NoError(t, err)
			require.Equal(t, map[string]any{"data": "d|[a]|map[k:v]|me"}, reply)
		}

		plain, err := bus().AddSender("plain", sig.Answer("a.b", func(context.Context, sig.Request) (any, error) { return "plain", nil }))
		require.NoError(t, err)
		reply, err := join(t, other, path.Options{}).SendAndWait(t.Context(), "plain", "a.b", path.New(0))
		require.NoError(t, err)
		require.Equal(t, "plain", reply.Data)
		require.NoError(t, plain.Remove())
	})
}

func TestWith(t *testing.T) {
	m := path.New("x").With("a", 1)
	n := m.With("b", 2)
	require.Equal(t, map[string]any{"a": 1}, m.Named, "is not changed")
	require.Equal(t, map[string]any{"a": 1, "b": 2}, n.Named)
}
