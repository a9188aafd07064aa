package survive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// O8: who subscribes while events flow gets a run of them without gaps, and none before the
// subscription was made.
func TestSubscribersMissNothing(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	talker, hearer := s.dial(router.ClientOptions{}), s.dial(router.ClientOptions{})
	snd, err := talker.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := int64(1); ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if e.Trigger(i) != nil {
				return
			}
			if i%10 == 0 {
				time.Sleep(time.Millisecond) // its pace: up to 10,000 a second
			}
		}
	}()
	for range amount(100, 2000) {
		var last, gaps atomic.Int64
		enough := make(chan struct{})
		sub, err := hearer.AddRemoteListener(t.Context(), "s", "e", func(ev sig.Event) {
			var n int64
			if ev.Decode(&n) != nil {
				return
			}
			if was := last.Swap(n); was != 0 && n != was+1 {
				gaps.Add(1)
			}
			if n%20 == 0 {
				select {
				case enough <- struct{}{}:
				default:
				}
			}
		})
		require.NoError(t, err)
		select {
		case <-enough:
		case <-time.After(patience):
			require.Fail(t, "no events")
		}
		sub.Remove()
		require.Zero(t, gaps.Load())
	}
	close(stop)
	<-ended
}

// O9: requests that ask back and signals that cause one another work where that makes sense,
// and are ended with an error where it does not; then there is silence.
func TestCircles(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	done := s.bystanders()
	a, b := s.dial(router.ClientOptions{}), s.dial(router.ClientOptions{})
	// A asks B, which asks A, as often as it is told to.
	back := func(c *router.ClientRouter, other string) sig.Handler {
		return sig.Handle(func(ctx context.Context, n int) (int, error) {
			if n == 0 {
				return 0, nil
			}
			m, err := sig.Ask[int](ctx, c.Remote(), other, "ask", n-1)
			return m + 1, err
		})
	}
	sa, err := a.AddRemoteSender(t.Context(), "a", sig.Events("e"), sig.Answer("ask", back(a, "b")))
	require.NoError(t, err)
	sb, err := b.AddRemoteSender(t.Context(), "b", sig.Events("e"), sig.Answer("ask", back(b, "a")))
	require.NoError(t, err)
	n, err := sig.Ask[int](t.Context(), a.Remote(), "b", "ask", 8)
	require.NoError(t, err)
	require.Equal(t, 8, n)

	// Each event makes the other trigger one, a hundred times.
	ea, err := sa.Signal("e")
	require.NoError(t, err)
	eb, err := sb.Signal("e")
	require.NoError(t, err)
	over := make(chan int, 1)
	bounce := func(out sig.Signal) sig.Listener {
		return func(ev sig.Event) {
			var i int
			_ = ev.Decode(&i)
			if i == 100 {
				over <- i
				return
			}
			_ = out.Trigger(i + 1)
		}
	}
	_, err = a.AddRemoteListener(t.Context(), "b", "e", bounce(ea))
	require.NoError(t, err)
	_, err = b.AddRemoteListener(t.Context(), "a", "e", bounce(eb))
	require.NoError(t, err)
	require.NoError(t, ea.Trigger(1))
	select {
	case <-over:
	case <-time.After(patience):
		require.Fail(t, "the signals stopped in between")
	}
	done()
	require.True(t, within(patience, func() bool { st := s.srv.Stats(); return st.Calls == 0 && st.Answers == 0 }))
}

// O10: one event reaches a listener on each carrier, in the same order.
func TestOrderOnEveryCarrier(t *testing.T) {
	schemes := sigrouter.Schemes()
	schemes["local"] = local.NewNetwork()
	s := newSite(t, router.ServerOptions{Schemes: schemes})
	urls := []string{s.url}
	for _, url := range []string{"local://all", "ws://127.0.0.1:0/sig", "unix://" + filepath.Join(t.TempDir(), "s")} {
		l, err := s.srv.Listen(t.Context(), url)
		require.NoError(t, err)
		urls = append(urls, l.URL())
	}
	n := int64(amount(2000, 50_000))
	var wrong atomic.Int32
	ends := make(chan string, len(urls)*2)
	for _, url := range urls {
		for _, text := range []bool{false, true} {
			c, err := router.ClientOptions{Schemes: schemes, TextOnly: text}.Dial(t.Context(), url)
			require.NoError(t, err)
			t.Cleanup(func() { _ = c.Close() })
			next := int64(0)
			_, err = c.AddRemoteListener(t.Context(), "s", sig.Any, func(e sig.Event) {
				var i int64
				if e.Name == sig.Connect {
					return
				}
				if next++; e.Decode(&i) != nil || i != next {
					wrong.Add(1)
				}
				if i == n {
					ends <- url
				}
			})
			require.NoError(t, err)
		}
	}
	snd, err := s.srv.AddSender("s", sig.Events("x", "y", "z"))
	require.NoError(t, err)
	var signals []sig.Signal
	for _, e := range []string{"x", "y", "z"} {
		sg, err := snd.Signal(e)
		require.NoError(t, err)
		signals = append(signals, sg)
	}
	for i := range n {
		require.NoError(t, signals[i%3].Trigger(i+1))
		if i%100 == 99 {
			time.Sleep(time.Millisecond) // its pace: up to 100,000 a second
		}
	}
	for range len(urls) * 2 {
		select {
		case <-ends:
		case <-time.After(patience):
			require.Fail(t, "somebody has not everything")
		}
	}
	require.Zero(t, wrong.Load())
}

// L10: a burst that fits nobody's window reaches those who read well, whole.
func TestBurst(t *testing.T) {
	listeners, size, events := amount(10, 100), 16<<10, amount(64, 448)
	s := newSite(t, router.ServerOptions{})
	counts := make([]atomic.Int64, listeners)
	for i := range listeners {
		c := s.dial(router.ClientOptions{})
		_, err := c.AddRemoteListener(t.Context(), "s", "e", func(e sig.Event) {
			if raw, ok := e.Data.(*sig.Raw); ok && len(raw.Bytes) == size+2 {
				counts[i].Add(1)
			}
		})
		require.NoError(t, err)
	}
	snd, err := s.srv.AddSender("s", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	data := strings.Repeat("x", size)
	for range events {
		require.NoError(t, e.Trigger(data))
	}
	all := func() bool {
		for i := range counts {
			if counts[i].Load() != int64(events) {
				return false
			}
		}
		return true
	}
	require.True(t, within(2*patience, all), "%+v", s.srv.Stats())
	require.Zero(t, s.srv.Stats().Dropped)
	require.Len(t, s.srv.Peers(), listeners)
}

// B8: to half a message there is no reply, and when the stream ends with it the connection
// does too.
func TestEveryPrefix(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	done := s.bystanders()
	step := amount(3, 1)
	for _, message := range grammar {
		if message[0] != '{' {
			continue
		}
		for n := 1; n < len(message); n += step {
			if json.Valid([]byte(message[:n])) {
				continue
			}
			c, err := net.Dial("tcp", s.addr)
			require.NoError(t, err)
			_, err = io.WriteString(c, message[:n])
			require.NoError(t, err)
			require.NoError(t, c.(*net.TCPConn).CloseWrite())
			require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
			got, err := io.ReadAll(c)
			if err == nil && len(got) > 0 {
				require.False(t, bytes.Contains(got, []byte(`"status":0`)), "%s was answered with %s", message[:n], got)
			}
			var late net.Error
			if e, ok := err.(net.Error); ok {
				late = e
			}
			require.False(t, late != nil && late.Timeout(), fmt.Sprintf("still open after %s", message[:n]))
			require.NoError(t, c.Close())
		}
	}
	s.left(2)
	done()
}
