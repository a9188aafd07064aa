package survive

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

func TestMain(m *testing.M) {
	if role := os.Getenv("SURVIVE_ROLE"); role != "" {
		os.Exit(child(role))
	}
	goleak.VerifyTestMain(m)
}

// amount is how much of something is done: in CI, and with SIG_LONG.
func amount(ci, long int) int {
	if os.Getenv("SIG_LONG") != "" {
		return long
	}
	return ci
}

const patience = 30 * time.Second

// A site is a server on TCP, and two clients of it that do nothing wrong.
type site struct {
	t    *testing.T
	srv  *router.ServerRouter
	url  string
	addr string
	log  *logBuffer
}

func newSite(t *testing.T, o router.ServerOptions) *site {
	t.Helper()
	s := &site{t: t, log: &logBuffer{}}
	if o.Schemes == nil {
		o.Schemes = sigrouter.Schemes()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(s.log, nil))
	}
	s.srv = o.New()
	l, err := s.srv.Listen(t.Context(), "tcp://127.0.0.1:0")
	require.NoError(t, err)
	s.url = l.URL()
	s.addr = strings.TrimPrefix(s.url, "tcp://")
	t.Cleanup(func() { _ = s.srv.Close() })
	return s
}

func (s *site) dial(o router.ClientOptions) *router.ClientRouter {
	s.t.Helper()
	if o.Schemes == nil {
		o.Schemes = sigrouter.Schemes()
	}
	c, err := o.Dial(s.t.Context(), s.url)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// raw connects without a client.
func (s *site) raw() net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// bystanders are two clients that talk to each other all the time. The function it
// returns ends that, and fails the test if they have lost, doubled or reordered anything,
// or were disconnected, or a request of theirs failed.
func (s *site) bystanders() (check func()) {
	t := s.t
	t.Helper()
	var lost atomic.Int32
	opts := router.ClientOptions{OnState: func(st router.State) {
		if !st.Connected {
			lost.Add(1)
		}
	}}
	talker, hearer := s.dial(opts), s.dial(opts)
	snd, err := talker.AddRemoteSender(t.Context(), "bystander", sig.Events("n"), sig.Answer("echo", sig.Handle(func(_ context.Context, n int) (int, error) { return n, nil })))
	require.NoError(t, err)
	n, err := snd.Signal("n")
	require.NoError(t, err)
	var got, wrong atomic.Int64
	_, err = hearer.AddRemoteListener(t.Context(), "bystander", "n", func(e sig.Event) {
		var i int64
		if e.Decode(&i) != nil || i != got.Add(1) {
			wrong.Add(1)
		}
	})
	require.NoError(t, err)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var sent, asked int64
	var failed error
	wg.Go(func() {
		for pace := time.After(0); ; pace = time.After(time.Millisecond) {
			sent++
			if err := n.Trigger(sent); err != nil {
				failed = err
				return
			}
			select {
			case <-stop:
				return
			case <-pace:
			}
		}
	})
	var failedCall error
	wg.Go(func() {
		for pace := time.After(0); ; pace = time.After(3 * time.Millisecond) {
			asked++
			if back, err := sig.Ask[int64](context.Background(), hearer.Remote(), "bystander", "echo", asked); err != nil || back != asked {
				failedCall = fmt.Errorf("asked %d, answered %d: %w", asked, back, err)
				return
			}
			select {
			case <-stop:
				return
			case <-pace:
			}
		}
	})
	return sync.OnceFunc(func() {
		t.Helper()
		close(stop)
		wg.Wait()
		require.NoError(t, failed)
		require.NoError(t, failedCall)
		require.Eventually(t, func() bool { return got.Load() == sent }, patience, 5*time.Millisecond, "%d events of %d came", got.Load(), sent)
		require.Zero(t, wrong.Load(), "events lost, doubled or out of order")
		require.Zero(t, lost.Load(), "a bystander lost its connection")
		require.Positive(t, asked)
	})
}

// left waits until so many connections are left, and nothing else that was a client's.
func (s *site) left(conns int) {
	s.t.Helper()
	var st router.ServerStats
	ok := func() bool { st = s.srv.Stats(); return st.Conns == conns && st.LoggingIn == 0 }
	if !within(patience, ok) {
		require.Fail(s.t, "connections are left", "%+v", st)
	}
}

// gone is a listener of the #disconnect of a sender, with the time.
func gone(t *testing.T, srv *router.ServerRouter, sender string) <-chan time.Time {
	t.Helper()
	at := make(chan time.Time, 10)
	_, err := srv.AddListener(sender, sig.Disconnect, func(sig.Event) { at <- time.Now() })
	require.NoError(t, err)
	return at
}

func within(d time.Duration, holds func() bool) bool {
	for end := time.Now().Add(d); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

func median[T int | int64 | float64 | time.Duration](of []T) T {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
