package router_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/pysig"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// hostport is the address of a site for programs that know no URLs.
func (s *site) hostport(t *testing.T) string {
	u, err := url.Parse(s.url)
	require.NoError(t, err)
	return u.Host
}

func dialPysig(t *testing.T, addr string) *pysig.Client {
	c, err := pysig.Dial(addr)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.Zero(t, c.Lost(), "reads that were not exactly one message")
		c.Close()
	})
	return c
}

// Existing pysig programs at our server: the three timer programs of its documentation,
// and requests both ways.
func TestClassicClients(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	timer, err := s.srv.AddSender("timer", sig.Events("tic"), sig.Answer("interval", func(context.Context, sig.Request) (any, error) { return 10, nil }))
	require.NoError(t, err)
	tic, err := timer.Signal("tic")
	require.NoError(t, err)

	listener := dialPysig(t, s.hostport(t))
	got := make(chan string, 100)
	hear := func(sender, event string, data any) { got <- fmt.Sprint(sender, " ", event, " ", data) }
	require.NoError(t, listener.AddRemoteListener("timer", "tic", hear))
	require.NoError(t, listener.AddRemoteListener("another_timer", "tic", hear), "it does not exist yet")
	require.NoError(t, listener.AddRemoteListener(nil, "#connect", hear))

	another := dialPysig(t, s.hostport(t))
	require.NoError(t, another.AddRemoteSender("another_timer", []string{"tic"}, func(method string, params any) (any, error) {
		return fmt.Sprint(method, params), nil
	}))
	require.Contains(t, <-got, "another_timer #connect")
	require.NoError(t, tic.Trigger(nil))
	require.Equal(t, "timer tic <nil>", <-got)
	require.NoError(t, another.Trigger("another_timer", "tic", "héllo 😀"))
	require.Equal(t, "another_timer tic héllo 😀", <-got)

	v, err := listener.RemoteRequest("timer", "interval", nil)
	require.NoError(t, err)
	require.Equal(t, 10.0, v)
	v, err = listener.RemoteRequest("another_timer", "what", map[string]any{"a": 1})
	require.NoError(t, err)
	require.Equal(t, "whatmap[a:1]", v)
	resp, err := s.srv.Request(t.Context(), "another_timer", "x", 1)
	require.NoError(t, err)
	require.Equal(t, `"x1"`, resp.Data.(*sig.Raw).String())

	_, err = listener.RemoteRequest("another_timer", "", nil)
	require.Error(t, err)
	require.ErrorContains(t, listener.AddRemoteSender("another_timer", []string{"tic"}, nil), "already connected")
	require.ErrorContains(t, listener.Trigger("another_timer", "tic", 1), "not yours")
	list, err := listener.Call("list_senders", nil)
	require.NoError(t, err)
	require.Len(t, list, 3, "the broadcast sender and two more")
	version, err := listener.Call("get_version", nil)
	require.NoError(t, err)
	require.Equal(t, "1.01", version)
}

// Messages joined, cut anywhere, and longer than 4096 bytes, from a classic peer to us.
func TestClassicFraming(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	got := newCollect()
	_, err := s.srv.AddListener("s", "e", got.listen)
	require.NoError(t, err)
	conn, err := net.Dial("tcp", s.hostport(t))
	require.NoError(t, err)
	defer conn.Close()
	var all bytes.Buffer
	all.WriteString(`{"id": 1, "method": "add_sender", "params": {"sender": "s", "events": ["e"]}}`)
	big := strings.Repeat("x", 100_000)
	for i := range 20 {
		fmt.Fprintf(&all, `{"id": %d, "method": "signal", "params": {"info": {"sender": "s", "event": "e"}, "data": [%d, "%s"]}}`, i+2, i, big[:i*i*200])
	}
	go func() {
		for b := all.Bytes(); len(b) > 0; {
			n := min(len(b), 1+len(b)%7919)
			if _, err := conn.Write(b[:n]); err != nil {
				return
			}
			b = b[n:]
		}
	}()
	for i := range 20 {
		var v []any
		require.NoError(t, got.next(t).Decode(&v))
		require.Equal(t, float64(i), v[0])
		require.Len(t, v[1], i*i*200)
	}
	dec := json.NewDecoder(conn)
	for i := range 21 {
		var reply struct {
			ID, Status int
			Exception  string
		}
		require.NoError(t, dec.Decode(&reply))
		require.Equal(t, i+1, reply.ID, reply.Exception)
		require.Zero(t, reply.Status)
	}
}

// What a classic peer could not read is not sent to it: such an event is dropped and
// counted, such a response becomes a failure that says why. What fits arrives.
func TestClassicTooLong(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	own, err := s.srv.AddSender("own", sig.Events("e"), sig.Answer("long", sig.Handle(func(_ context.Context, n int) (string, error) {
		return strings.Repeat("x", n), nil
	})))
	require.NoError(t, err)
	e, err := own.Signal("e")
	require.NoError(t, err)
	c := dialPysig(t, s.hostport(t))
	got := make(chan any, 3)
	require.NoError(t, c.AddRemoteListener("own", "e", func(_, _ string, data any) { got <- data }))
	fits := strings.Repeat("x", 3900)
	require.NoError(t, e.Trigger(strings.Repeat("y", 5000)))
	require.NoError(t, e.Trigger(fits))
	require.Equal(t, fits, <-got)
	require.EqualValues(t, 1, s.srv.Peers()[0].Dropped)

	v, err := c.RemoteRequest("own", "long", 4000)
	require.NoError(t, err)
	require.Len(t, v, 4000)
	_, err = c.RemoteRequest("own", "long", 5000)
	require.ErrorContains(t, err, "4096")
}

// Nothing is lost towards classic peers, whatever else goes on between them and us.
func TestClassicUnderLoad(t *testing.T) {
	const events, callers, calls = 60, 4, 10
	s := newSite(t, router.ServerOptions{})
	own, err := s.srv.AddSender("own", sig.Events("e"))
	require.NoError(t, err)
	e, err := own.Signal("e")
	require.NoError(t, err)
	var heard [3]atomic.Int64
	var clients []*pysig.Client
	for i := range heard {
		c := dialPysig(t, s.hostport(t))
		last := -1.0
		require.NoError(t, c.AddRemoteListener("own", "e", func(_, _ string, data any) {
			if data.(float64) == last+1 {
				last++
				heard[i].Add(1)
			}
		}))
		clients = append(clients, c)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range events {
			if err := e.Trigger(i); err != nil {
				t.Error(err)
			}
		}
	})
	for _, c := range clients {
		for range callers {
			wg.Go(func() {
				for range calls {
					if _, err := c.Call("get_version", nil); err != nil {
						t.Errorf("get_version: %v", err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	for i := range heard {
		require.Eventually(t, func() bool { return heard[i].Load() == events }, 20*time.Second, 10*time.Millisecond,
			"client %d heard %d of %d in order", i, heard[i].Load(), events)
	}
}

// A classic peer that ends its messages with a line break reads by lines: no pauses.
func TestClassicLines(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	conn, err := net.Dial("tcp", s.hostport(t))
	require.NoError(t, err)
	defer conn.Close()
	start := time.Now()
	const n = 500
	var all bytes.Buffer
	for i := range n {
		fmt.Fprintf(&all, "{\"id\":%d,\"method\":\"get_version\"}\n", i)
	}
	_, err = conn.Write(all.Bytes())
	require.NoError(t, err)
	dec := json.NewDecoder(conn)
	for i := range n {
		var reply struct {
			ID       int
			Response string
		}
		require.NoError(t, dec.Decode(&reply))
		require.Equal(t, i, reply.ID)
	}
	require.Less(t, time.Since(start), n*10*time.Millisecond/2)
}

// Our client at an existing pysig server.
func TestClassicServer(t *testing.T) {
	srv, err := pysig.NewServer("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.Zero(t, srv.Lost(), "reads that were not exactly one message")
		srv.Close()
	})
	require.NoError(t, srv.AddSender("timer", []string{"tic"}, func(method string, params any) (any, error) {
		return []any{method, params}, nil
	}))
	s := &site{schemes: newSite(t, router.ServerOptions{}).schemes, url: "tcp://" + srv.Addr()}
	a := s.dial(t, router.ClientOptions{})
	b := s.dial(t, router.ClientOptions{})
	got := newCollect()
	_, err = b.AddRemoteListener(t.Context(), "timer", "tic", got.listen)
	require.NoError(t, err)
	_, err = b.AddRemoteListener(t.Context(), "another_timer", "tic", got.listen)
	require.NoError(t, err)

	require.NoError(t, srv.Trigger("timer", "tic", 7))
	require.Equal(t, int64(7), got.data(t))

	another, err := a.AddRemoteSender(t.Context(), "another_timer", sig.Events("tic"), sig.Answer("m", sig.Handle(func(_ context.Context, n int) (int, error) { return 2 * n, nil })))
	require.NoError(t, err)
	tic, err := another.Signal("tic")
	require.NoError(t, err)
	for i := range 10 {
		require.NoError(t, tic.Trigger(i))
	}
	for i := range 10 {
		require.Equal(t, int64(i), got.data(t))
	}
	n, err := sig.Ask[int](t.Context(), b.Remote(), "another_timer", "m", 21)
	require.NoError(t, err)
	require.Equal(t, 42, n)
	v, err := sig.Ask[[]any](t.Context(), b.Remote(), "timer", "x", "y")
	require.NoError(t, err)
	require.Equal(t, []any{"x", "y"}, v)
	_, err = a.AddRemoteSender(t.Context(), "timer", sig.Events("tic"))
	require.ErrorContains(t, err, "already connected")
}

// A classic peer on another machine gets its messages apart in time.
func TestClassicPaced(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	here, there := net.Pipe()
	require.NoError(t, s.srv.Attach(carrier.NewStream(there, carrier.Info{Carrier: "test"})))
	go func() {
		for i := range 5 {
			fmt.Fprintf(here, `{"id": %d, "method": "get_version"}`, i)
		}
	}()
	buf := make([]byte, pysig.ReadSize)
	var last time.Time
	for i := range 5 {
		n, err := here.Read(buf)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf(`{"id":%d,"status":0,"response":"1.01"}`, i), string(buf[:n]))
		if i > 0 {
			require.GreaterOrEqual(t, time.Since(last), 9*time.Millisecond)
		}
		last = time.Now()
	}
	require.NoError(t, here.Close())
}

// Who has ended its half of the stream still gets its replies, as with printf … | nc.
func TestClassicHalfClosed(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	got := newCollect()
	_, err := s.srv.AddListener("timer", "tic", got.listen)
	require.NoError(t, err)
	for i := range 20 {
		conn, err := net.Dial("tcp", s.hostport(t))
		require.NoError(t, err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "%s\n%s\n", `{"id":1,"method":"add_sender","params":{"sender":"timer","events":["tic"]}}`,
			fmt.Sprintf(`{"id":2,"method":"signal","params":{"info":{"sender":"timer","event":"tic"},"data":%d}}`, i))
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		all, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Equal(t, `{"id":1,"status":0,"response":null}`+"\n"+`{"id":2,"status":0,"response":null}`+"\n", string(all))
		require.Equal(t, int64(i), got.data(t))
		require.True(t, eventually(func() bool { return s.srv.Stats().Senders == 0 }))
	}
}

// So does who ends no message with a line break, and is written to as a peer that takes each
// read for a message; and who is cut off for what it sent last.
func TestClassicHalfClosedWithoutLines(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	ask := func(text string, half bool) (statuses []int) {
		conn, err := net.Dial("tcp", s.hostport(t))
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, text)
		require.NoError(t, err)
		if half {
			require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		}
		all, err := io.ReadAll(conn)
		require.NoError(t, err)
		for d := json.NewDecoder(bytes.NewReader(all)); ; {
			var reply struct {
				ID     any
				Status int
			}
			if err := d.Decode(&reply); err == io.EOF {
				return statuses
			} else {
				require.NoError(t, err, "%s", all)
			}
			statuses = append(statuses, reply.Status)
		}
	}
	const add = `{"id":1,"method":"add_sender","params":{"sender":"timer","events":["tic"]}}`
	for range 10 {
		require.Equal(t, []int{0, -2, -1, 0}, ask(add+add+`{"id":2,"method":"nosuch"}{"id":3,"method":"get_version"}`, true))
		require.Contains(t, ask(`{"id":1,"method":"get_version"}{"id":2,"method":"get_version"}NaN`, false), -4)
		require.True(t, eventually(func() bool { return s.srv.Stats().Senders == 0 }))
	}
}
