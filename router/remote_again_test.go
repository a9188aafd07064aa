package router_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// Promise 14: what waits for a busy listener of the server when the connection is lost is
// neither lost nor refused when the listener goes on before the client is back.
func TestReturn_ServerGoesOnWhileClientIsAway(t *testing.T) {
	const n = 100
	s := newSite(t, router.ServerOptions{})
	line := newCable(t, s.hostport(t))
	states := make(chan router.State, 100)
	var failed atomic.Value
	a := (&site{schemes: s.schemes, url: line.url()}).dial(t, router.ClientOptions{
		MaxBackoff: 20 * time.Millisecond, OnState: func(st router.State) { states <- st },
		OnError: func(err error) { failed.Store(err) },
	})
	require.True(t, (<-states).Connected)

	entered, leave := make(chan struct{}, 1), make(chan struct{})
	var once sync.Once
	open := func() { once.Do(func() { close(leave) }) }
	t.Cleanup(open)
	got, idle := newCollect(), make(chan struct{}, 10) // it may come, go and come
	_, err := s.srv.AddListener("s", "e", func(e sig.Event) {
		select {
		case entered <- struct{}{}:
		default:
		}
		<-leave
		got.listen(e)
	})
	require.NoError(t, err)
	_, err = s.srv.AddListener("other", sig.Connect, func(sig.Event) { idle <- struct{}{} })
	require.NoError(t, err)
	snd, err := a.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	for i := range n {
		require.NoError(t, e.Trigger(i))
	}
	<-entered
	_, err = a.Ping(t.Context()) // the server has received them all
	require.NoError(t, err)
	added := make(chan error, 1)
	go func() { _, err := a.AddRemoteSender(context.Background(), "other", sig.Events("e")); added <- err }()
	line.refuse(true)
	line.cut()
	require.False(t, (<-states).Connected)
	require.Eventually(t, func() bool { return s.srv.Stats().Away == 1 }, 10*time.Second, time.Millisecond)
	open()
	require.Equal(t, int64(0), got.data(t))
	line.refuse(false)
	require.True(t, (<-states).Resumed)
	require.NoError(t, <-added)
	<-idle
	require.NoError(t, e.Trigger(n))
	for i := range n {
		require.Equal(t, int64(i+1), got.data(t))
	}
	require.Empty(t, got)
	require.Nil(t, failed.Load())
}

// A sender and a listener that are removed while the client is adding them again, and so has
// no connection to say it on, are not left at the server.
func TestReturn_RemovedWhileAddedAgain(t *testing.T) {
	opts := router.ServerOptions{}
	opts.Limits.ResumeFor = -1 // listeners are added again too
	s := newSite(t, opts)
	line := newCable(t, s.hostport(t))
	var mu sync.Mutex
	var tap func(frame string)
	states := make(chan router.State, 100)
	dialer := &tappingDialer{schemes: s.schemes, tap: func(frame string) {
		mu.Lock()
		defer mu.Unlock()
		if tap != nil {
			tap(frame)
		}
	}}
	c, err := router.ClientOptions{
		MaxBackoff: 20 * time.Millisecond, Schemes: carrier.NewSchemes(dialer), TextOnly: true,
		OnState: func(st router.State) { states <- st },
	}.Dial(t.Context(), line.url())
	require.NoError(t, err)
	defer c.Close()
	require.True(t, (<-states).Connected)
	snd, err := c.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	sub, err := c.AddRemoteListener(t.Context(), "t", "e", func(sig.Event) {})
	require.NoError(t, err)
	mu.Lock()
	tap = func(frame string) {
		switch {
		case strings.Contains(frame, `"add_listener"`):
			sub.Remove()
		case strings.Contains(frame, `"add_sender"`):
			assert.NoError(t, snd.Remove())
		}
	}
	mu.Unlock()
	line.cut()
	require.False(t, (<-states).Connected)
	require.True(t, (<-states).Connected)
	require.Eventually(t, func() bool {
		st := s.srv.Stats()
		return st.Senders == 0 && st.Listeners == 0
	}, 5*time.Second, time.Millisecond, "left at the server: %+v", s.srv.Stats())
	mu.Lock()
	tap = nil
	mu.Unlock()
	_, err = c.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err, "the name is free")
}

// tappingDialer makes connections that show each frame before it is sent.
type tappingDialer struct {
	schemes carrier.Schemes
	tap     func(frame string)
}

func (d *tappingDialer) Schemes() []string { return []string{"tcp"} }

func (d *tappingDialer) Listen(context.Context, *url.URL) (carrier.Listener, error) {
	panic("not used")
}

func (d *tappingDialer) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	c, err := d.schemes.Dial(ctx, u.String())
	if err != nil {
		return nil, err
	}
	return &tappedConn{c, d.tap}, nil
}

type tappedConn struct {
	carrier.Conn
	tap func(frame string)
}

func (c *tappedConn) Send(frame []byte) error {
	c.tap(string(frame))
	return c.Conn.Send(frame)
}

// Promise 14: a client whose session the server has ended, for being slow for instance, is told
// what was dispatched: nothing comes twice as long as the server lives, and nothing is unsure.
func TestReturn_SessionEnded(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	states := make(chan router.State, 100)
	a := s.dial(t, router.ClientOptions{MaxBackoff: time.Millisecond, OnState: func(st router.State) { states <- st }})
	require.True(t, (<-states).Connected)
	got := newCollect()
	_, err := s.srv.AddListener("s", "e", got.listen)
	require.NoError(t, err)
	snd, err := a.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	const rounds, burst = 50, 20
	for round := range rounds {
		for i := range burst {
			require.NoError(t, e.Trigger(round*burst+i))
		}
		require.Equal(t, int64(round*burst), got.data(t)) // the others are on their way
		require.NoError(t, s.srv.Disconnect(s.srv.Peers()[0].ID, "test"))
		require.False(t, (<-states).Connected)
		st := <-states
		require.True(t, st.Connected)
		require.False(t, st.Resumed)
		require.Zero(t, st.Unsure)
		for i := 1; i < burst; i++ {
			require.Equal(t, int64(round*burst+i), got.data(t))
		}
	}
	require.Empty(t, got)
	require.Zero(t, a.Unsure())
}

// A connection that ends while the listeners are added to a new session: the next one resumes
// that session, adds those it lacks, and the application is told that the old one is gone.
func TestReturn_CutWhileListenersAreAdded(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	line := newCable(t, s.hostport(t))
	states := make(chan router.State, 100)
	var armed atomic.Bool
	dialer := &tappingDialer{schemes: s.schemes, tap: func(frame string) {
		if strings.Contains(frame, `"add_listener"`) && strings.Contains(frame, `"second"`) && armed.CompareAndSwap(true, false) {
			line.cut()
		}
	}}
	c, err := router.ClientOptions{
		MaxBackoff: 20 * time.Millisecond, Schemes: carrier.NewSchemes(dialer), TextOnly: true,
		OnState: func(st router.State) { states <- st },
	}.Dial(t.Context(), line.url())
	require.NoError(t, err)
	defer c.Close()
	require.True(t, (<-states).Connected)
	got := newCollect()
	for _, event := range []string{"first", "second", "third"} {
		_, err = c.AddRemoteListener(t.Context(), "s", event, got.listen)
		require.NoError(t, err)
	}
	armed.Store(true)
	require.NoError(t, s.srv.Disconnect(s.srv.Peers()[0].ID, "test")) // this session is over
	require.False(t, (<-states).Connected)
	st := <-states
	require.True(t, st.Connected)
	require.False(t, st.Resumed, "events were missed")
	require.False(t, armed.Load())
	snd, err := s.srv.AddSender("s", sig.Events("first", "second", "third"))
	require.NoError(t, err)
	for i, event := range []string{"first", "second", "third"} {
		e, err := snd.Signal(event)
		require.NoError(t, err)
		require.NoError(t, e.Trigger(i))
		require.Equal(t, event, got.next(t).Name)
	}
	require.Empty(t, got)
}

// A refusal that was lost with the connection is told after the reconnect.
func TestReturn_RefusalsAreTold(t *testing.T) {
	t.Run("resumed", func(t *testing.T) { refusalsAreTold(t, true) })
	t.Run("ended", func(t *testing.T) { refusalsAreTold(t, false) })
}

func refusalsAreTold(t *testing.T, resumed bool) {
	opts := router.ServerOptions{}
	if !resumed {
		opts.Limits.ResumeFor = -1
	}
	s := newSite(t, opts)
	say := func(most int, hello string, more ...string) (lines []string) {
		c, err := net.Dial("tcp", s.hostport(t))
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Write([]byte(hello + strings.Join(more, "")))
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		for r := bufio.NewScanner(c); len(lines) < most && r.Scan(); {
			lines = append(lines, r.Text())
		}
		return lines
	}
	lines := say(3, `{"id":1,"method":"hello","params":{"version":1}}`, `{"n":1,"method":"signal","params":{"info":{"sender":"x","event":"e"},"data":1}}`)
	require.Contains(t, strings.Join(lines[1:], ""), "no_sender", "%q", lines)
	var hello struct {
		Response struct{ Session, Epoch string }
	}
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &hello))
	most := 2
	if !resumed {
		most = 1
		until(t, s.srv, func(s router.Snapshot) bool { return len(s.Peers) == 0 }) // else the session still has its connection
	}
	again := say(most, fmt.Sprintf(`{"id":1,"method":"hello","params":{"version":1,"resume":{"session":%q,"epoch":%q,"last":0}}}`, hello.Response.Session, hello.Response.Epoch))
	if !resumed {
		require.Contains(t, again[0], `"dispatched":1,"refused":[1]`)
		return
	}
	require.Contains(t, again[0], `"resumed":true`)
	require.Equal(t, lines[1], again[1])
}

// A client that has been told of a refusal is not told again by its reconnect.
func TestReturn_RefusalsAreToldOnce(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	line := newCable(t, s.hostport(t))
	states, refused := make(chan router.State, 100), make(chan error, 100)
	a := (&site{schemes: s.schemes, url: line.url()}).dial(t, router.ClientOptions{
		MaxBackoff: 20 * time.Millisecond, OnState: func(st router.State) { states <- st },
		OnError: func(err error) { refused <- err },
	})
	require.True(t, (<-states).Connected)
	snd, err := a.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	holder, ok := s.srv.Sender("s")
	require.True(t, ok)
	require.NoError(t, holder.Remove()) // at the server, behind the client's back
	require.NoError(t, e.Trigger(1))
	require.ErrorContains(t, <-refused, "refused a signal")
	for range 3 {
		line.cut()
		require.False(t, (<-states).Connected)
		require.True(t, (<-states).Resumed)
		_, err = a.Ping(t.Context())
		require.NoError(t, err)
	}
	require.Empty(t, refused)
	// The server may end the session as well.
	require.NoError(t, s.srv.Disconnect(s.srv.Peers()[0].ID, "test"))
	require.False(t, (<-states).Connected)
	require.False(t, (<-states).Resumed)
	_, err = a.Ping(t.Context())
	require.NoError(t, err)
	require.Empty(t, refused, "it had been told")
}
