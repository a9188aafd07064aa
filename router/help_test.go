package router

import (
	"bytes"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// newRouter returns a router that is closed at the end of the test, with its log.
func newRouter(t testing.TB, o Options) (*Router, *safeBuffer) {
	t.Helper()
	log := &safeBuffer{}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(log, nil))
	}
	r := o.New()
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r, log
}

// A safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// A record notes what listeners were called with.
type record struct {
	mu  sync.Mutex
	got []string
}

// listener notes "id sender.event=data" with each call.
func (c *record) listener(id string) sig.Listener {
	return func(e sig.Event) { c.add(show(id, e)) }
}

func show(id string, e sig.Event) string {
	s := fmt.Sprintf("%s %s.%s=%v", id, e.Sender, e.Name, e.Data)
	if e.Retained {
		s += " retained"
	}
	return s
}

func (c *record) add(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, s)
}

// take returns what was noted since the last take.
func (c *record) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.got
	c.got = nil
	return got
}

func addListener(t testing.TB, r *Router, sender, event string, fn sig.Listener, opts ...sig.ListenOption) sig.Subscription {
	t.Helper()
	s, err := r.AddListener(sender, event, fn, opts...)
	require.NoError(t, err)
	return s
}

func addSender(t testing.TB, r *Router, name string, opts ...sig.SenderOption) sig.Sender {
	t.Helper()
	s, err := r.AddSender(name, opts...)
	require.NoError(t, err)
	return s
}

func signalOf(t testing.TB, s sig.Sender, event string) sig.Signal {
	t.Helper()
	sg, err := s.Signal(event)
	require.NoError(t, err)
	return sg
}

// addSignal adds a sender with one event and returns its signal.
func addSignal(t testing.TB, r *Router, sender, event string) sig.Signal {
	t.Helper()
	return signalOf(t, addSender(t, r, sender, sig.Events(event)), event)
}

func trigger(t testing.TB, s sig.Signal, data any) {
	t.Helper()
	require.NoError(t, s.Trigger(data))
}

// within fails the test when fn does not return in time: a deadlock.
func within(t testing.TB, d time.Duration, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	select {
	case <-done:
	case <-time.After(d):
		buf := make([]byte, 1<<16)
		t.Fatalf("still not done after %v:\n%s", d, buf[:runtime.Stack(buf, true)])
	}
}

// receive returns what comes over a channel, soon.
func receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-c:
		require.True(t, ok, "the channel was closed")
		return v
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came for 10 s")
		panic("unreachable")
	}
}

// closed waits for a channel to be closed, soon.
func closed(t testing.TB, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatal("not closed after 10 s")
	}
}
