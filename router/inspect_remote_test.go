package router_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// until waits until a snapshot of the server has what is wanted.
func until(t *testing.T, srv *router.ServerRouter, wanted func(router.Snapshot) bool) router.Snapshot {
	t.Helper()
	var s router.Snapshot
	require.Eventually(t, func() bool {
		s = srv.Inspect()
		return wanted(s)
	}, 10*time.Second, 5*time.Millisecond)
	return s
}

func signalIn(s router.Snapshot, sender, event string) router.SignalStatus {
	for _, st := range s.Signals {
		if st.Sender == sender && st.Event == event {
			return st
		}
	}
	return router.SignalStatus{}
}

func TestInspectRemote(t *testing.T) {
	for _, text := range []bool{false, true} {
		for _, listener := range []bool{false, true} {
			for _, here := range []bool{false, true} {
				t.Run(fmt.Sprintf("text=%v, remote listener=%v, listener here=%v", text, listener, here), func(t *testing.T) {
					inspectRemote(t, text, listener, here)
				})
			}
		}
	}
}

// inspectRemote sends events over every way that they take through the server.
func inspectRemote(t *testing.T, text, listener, here bool) {
	s := newSite(t, router.ServerOptions{})
	a := s.dial(t, router.ClientOptions{Name: "a", TextOnly: text})
	b := s.dial(t, router.ClientOptions{Name: "b", TextOnly: text})
	if here {
		_, err := s.srv.AddListener("timer", "tic", func(sig.Event) {})
		require.NoError(t, err)
	}
	timer, err := a.AddRemoteSender(t.Context(), "timer", sig.Events("tic", "never"))
	require.NoError(t, err)
	tic, err := timer.Signal("tic")
	require.NoError(t, err)
	early := newCollect()
	sub, err := b.AddRemoteListener(t.Context(), "timer", "tic", early.listen)
	require.NoError(t, err)
	require.NoError(t, tic.Trigger("before anybody looked"))
	early.next(t)
	sub.Remove()
	s.srv.Inspect()
	got := newCollect()
	if listener {
		_, err := b.AddRemoteListener(t.Context(), "timer", "tic", got.listen)
		require.NoError(t, err)
	}
	const n = 5000
	for i := range n {
		require.NoError(t, tic.Trigger(map[string]any{"i": i, "pad": strings.Repeat("x", 100)}))
	}
	snap := until(t, s.srv, func(s router.Snapshot) bool { return signalIn(s, "timer", "tic").Count == n })
	st := signalIn(snap, "timer", "tic")
	require.Contains(t, st.Last.Data, `"i":4999,`)
	require.EqualValues(t, n, st.Last.N)
	require.False(t, st.Approximate, "what comes from a client is counted one by one")
	require.Zero(t, signalIn(snap, "timer", "never").Count)
	wanted := 0
	if listener {
		wanted++
		for range n {
			got.next(t)
		}
	}
	if here {
		wanted++
	}
	require.Eventually(t, func() bool { return signalIn(s.srv.Inspect(), "timer", "tic").Listeners == wanted }, 5*time.Second, 10*time.Millisecond)
	require.Len(t, snap.Peers, 2)
	require.Equal(t, "a", snap.Peers[0].Name)
	require.Equal(t, 1, snap.Peers[0].Senders)
	if text {
		require.Equal(t, "json", snap.Peers[0].Codec)
	} else {
		require.Equal(t, "frame", snap.Peers[0].Envelope)
	}
	require.Equal(t, snap.Peers[0].ID, snap.Senders[0].Peer)
	require.WithinDuration(t, time.Now(), snap.Peers[0].Heard, 5*time.Second)

	// The same by another client, through the built-in sender.
	d, err := sig.Ask[router.SignalDetail](t.Context(), b.Remote(), router.Inspector, "signal", map[string]any{"sender": "timer", "event": "tic"})
	require.NoError(t, err)
	require.NotEmpty(t, d.Values)
	require.EqualValues(t, n, d.Values[len(d.Values)-1].N)
	require.LessOrEqual(t, len(d.Values), 101)
	require.Len(t, d.Route.Listeners, wanted)
	require.Equal(t, snap.Peers[0].ID, d.Route.Peer)
}

func TestInspectRemoteRequests(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	s.srv.Inspect()
	a, b := s.dial(t, router.ClientOptions{Name: "a"}), s.dial(t, router.ClientOptions{Name: "b"})
	release := make(chan struct{})
	_, err := a.AddRemoteSender(t.Context(), "far",
		sig.Answer("get", func(context.Context, sig.Request) (any, error) { return 1, nil }),
		sig.Answer("fail", func(context.Context, sig.Request) (any, error) { return nil, sig.ErrLimit }),
		sig.Answer("hang", func(context.Context, sig.Request) (any, error) { <-release; return nil, nil }))
	require.NoError(t, err)
	for range 100 {
		_, err := b.RemoteRequest(t.Context(), "far", "get", nil)
		require.NoError(t, err)
	}
	_, err = b.RemoteRequest(t.Context(), "far", "fail", nil)
	require.ErrorIs(t, err, sig.ErrLimit)
	_, err = s.srv.Request(t.Context(), "far", "get", nil)
	require.NoError(t, err)
	_, err = b.RemoteRequest(t.Context(), "far", "nothing", nil)
	require.ErrorIs(t, err, sig.ErrNoMethod)
	done := make(chan error, 1)
	go func() {
		_, err := b.RemoteRequest(t.Context(), "far", "hang", nil)
		done <- err
	}()
	snap := until(t, s.srv, func(s router.Snapshot) bool { return len(s.Calls) == 1 })
	require.Equal(t, "hang", snap.Calls[0].Method)
	require.Contains(t, snap.Calls[0].Caller, "b (")
	require.Len(t, snap.Methods, 3)
	require.Equal(t, map[string]uint64{"limit": 1}, snap.Methods[0].Codes)
	require.EqualValues(t, 101, snap.Methods[1].Count)
	require.Positive(t, snap.Methods[1].P50)
	require.GreaterOrEqual(t, snap.Methods[1].P99, snap.Methods[1].P50)
	require.Equal(t, 1, snap.Methods[2].InFlight)
	require.Equal(t, "nothing", snap.Missed[0].Method)
	close(release)
	require.NoError(t, <-done)
	until(t, s.srv, func(s router.Snapshot) bool { return len(s.Calls) == 0 })
}

// TestInspectBooks compares what is counted of clients that come and go with what was
// sent.
func TestInspectBooks(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	s.srv.Inspect()
	own, err := s.srv.AddSender("own", sig.Events("e"))
	require.NoError(t, err)
	e, err := own.Signal("e")
	require.NoError(t, err)
	const rounds, each = 5, 200
	for range rounds {
		c := s.dial(t, router.ClientOptions{})
		got := newCollect()
		_, err := c.AddRemoteListener(t.Context(), "own", "e", got.listen)
		require.NoError(t, err)
		for i := range each {
			require.NoError(t, e.Trigger(i))
		}
		for range each {
			got.next(t)
		}
		require.NoError(t, c.Close())
		until(t, s.srv, func(s router.Snapshot) bool { return len(s.Peers) == 0 })
	}
	st := s.srv.Status()
	require.EqualValues(t, rounds*each, st.Events)
	require.EqualValues(t, rounds*each, st.Sent)
	require.Zero(t, st.Dropped)
	require.Positive(t, st.BytesIn)
	require.Greater(t, st.BytesOut, uint64(rounds*each*10))
	require.Zero(t, st.Listeners)
}

func TestInspectSlowPeer(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	s.srv.Inspect()
	addr := strings.TrimPrefix(s.url, "tcp://")
	slow, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer slow.Close()
	for _, call := range []string{
		`{"id":1,"method":"hello","params":{"version":1,"name":"slow","window":1}}`,
		`{"id":2,"method":"add_listener","params":{"sender":"own","policy":"drop_oldest","queue":10}}`,
	} {
		_, err := fmt.Fprintln(slow, call)
		require.NoError(t, err)
	}
	until(t, s.srv, func(s router.Snapshot) bool { return len(s.Listeners) == 1 })
	own, err := s.srv.AddSender("own", sig.Events("e"))
	require.NoError(t, err)
	e, err := own.Signal("e")
	require.NoError(t, err)
	for i := range 100 {
		require.NoError(t, e.Trigger(i))
	}
	snap := until(t, s.srv, func(s router.Snapshot) bool { return len(s.Peers) == 1 && s.Peers[0].Slow && s.Router.Dropped > 0 })
	p := snap.Peers[0]
	require.Equal(t, "slow", p.Name)
	require.Equal(t, 1, snap.Router.Slow)
	l := snap.Listeners[0]
	require.Equal(t, "drop_oldest", l.Policy)
	require.Equal(t, p.ID, l.Peer)
	require.Equal(t, 10, l.Queue)
	// Of 101 events, with #connect, one is in flight and ten wait.
	require.Equal(t, l.Dropped, p.Dropped)
	require.Equal(t, l.Dropped, snap.Router.Dropped)
	require.InDelta(t, 90, p.Dropped, 1)

	require.NoError(t, s.srv.Disconnect(p.ID, ""))
	require.ErrorIs(t, s.srv.Disconnect(p.ID+100, ""), sig.ErrInvalid)
	snap = until(t, s.srv, func(s router.Snapshot) bool { return len(s.Peers) == 0 })
	require.EqualValues(t, 101, snap.Router.Dropped+snap.Router.Sent-1, "what waited counts as dropped too; one was sent and never acknowledged")
}

// Who has just come is shown as it is, name and all, not as it was before it said anything.
func TestInspectNewPeersAtOnce(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	require.NotZero(t, s.srv.Inspect().Router.Started) // from here on it looks, once a second
	for i := range 5 {
		c := s.dial(t, router.ClientOptions{Name: fmt.Sprint("client ", i)})
		_, err := c.AddRemoteListener(t.Context(), "s", "e", func(sig.Event) {})
		require.NoError(t, err)
		resp, err := c.RemoteRequest(t.Context(), router.Inspector, "changes", nil)
		require.NoError(t, err)
		var changes router.Changes
		require.NoError(t, resp.Decode(&changes))
		require.Len(t, changes.Peers, i+1)
		for _, p := range changes.Peers {
			require.Contains(t, p.Name, "client ")
			require.Equal(t, 1, p.Listeners)
			require.False(t, p.Heard.Before(p.Since), "not heard of before it was there")
		}
	}
}

func TestInspectDisconnect(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	a := s.dial(t, router.ClientOptions{Name: "a", NoReconnect: true})
	b := s.dial(t, router.ClientOptions{Name: "b"})
	snap := until(t, s.srv, func(s router.Snapshot) bool { return len(s.Peers) == 2 })
	_, err := b.RemoteRequest(t.Context(), router.Inspector, "disconnect", map[string]any{"peer": snap.Peers[0].ID, "reason": "for a test"})
	require.NoError(t, err)
	until(t, s.srv, func(s router.Snapshot) bool { return len(s.Peers) == 1 && s.Peers[0].Name == "b" })
	_, err = a.RemoteRequest(t.Context(), "x", "y", nil)
	require.Error(t, err)
	for _, bad := range []any{nil, map[string]any{"peer": 99}, map[string]any{"peer": "x"}, 7} {
		_, err := b.RemoteRequest(t.Context(), router.Inspector, "disconnect", bad)
		require.ErrorIs(t, err, sig.ErrInvalid)
	}
}

// A farConn seems to come from elsewhere.
type farConn struct{ carrier.Conn }

func (c farConn) Unwrap() carrier.Conn { return c.Conn }
func (c farConn) Info() carrier.Info {
	return carrier.Info{Carrier: "tcp", Remote: "192.0.2.1:999"}
}

// far connects a client that is not of this machine.
func far(t *testing.T, srv *router.ServerRouter, o router.ClientOptions) *router.ClientRouter {
	t.Helper()
	near, end := local.Pair()
	require.NoError(t, srv.Attach(farConn{end}))
	o.NoReconnect = true
	c, err := o.Attach(t.Context(), near)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestInspectPermissions(t *testing.T) {
	open := newSite(t, router.ServerOptions{})
	_, err := far(t, open.srv, router.ClientOptions{}).RemoteRequest(t.Context(), router.Inspector, "status", nil)
	require.ErrorIs(t, err, sig.ErrRefused)
	_, err = open.dial(t, router.ClientOptions{}).RemoteRequest(t.Context(), router.Inspector, "status", nil)
	require.NoError(t, err)
	_, err = open.dial(t, router.ClientOptions{}).AddRemoteSender(t.Context(), router.Inspector, sig.Events("e"))
	require.ErrorIs(t, err, sig.ErrRefused)

	anywhere := newSite(t, router.ServerOptions{InspectFromAnywhere: true})
	_, err = far(t, anywhere.srv, router.ClientOptions{}).RemoteRequest(t.Context(), router.Inspector, "status", nil)
	require.NoError(t, err)

	token, hash := auth.NewToken()
	weak, weakHash := auth.NewToken()
	login, err := auth.Parse("rules", strings.NewReader(fmt.Sprintf(`
token ana %s operator
token bob %s guest
allow operator any >
allow guest request #router
allow guest listen open
allow guest request open
`, hash, weakHash)))
	require.NoError(t, err)
	guarded := newSite(t, router.ServerOptions{Login: login})
	for name, events := range map[string]string{"open": "e", "secret": "e"} {
		s, err := guarded.srv.AddSender(name, sig.Events(events))
		require.NoError(t, err)
		sg, err := s.Signal(events)
		require.NoError(t, err)
		guarded.srv.Inspect()
		require.NoError(t, sg.Trigger(name+" value"))
	}
	for token, wanted := range map[string]int{token: 2, weak: 1} {
		c := far(t, guarded.srv, router.ClientOptions{Token: token})
		ch, err := sig.Ask[router.Changes](t.Context(), c.Remote(), router.Inspector, "changes", map[string]any{"parts": []string{"signals"}})
		require.NoError(t, err)
		require.Len(t, ch.Signals, wanted)
		routes, err := sig.Ask[router.Routes](t.Context(), c.Remote(), router.Inspector, "routes", nil)
		require.NoError(t, err)
		require.Len(t, routes.Routes, wanted)
		_, err = c.RemoteRequest(t.Context(), router.Inspector, "signal", map[string]any{"sender": "secret", "event": "e"})
		require.Equal(t, wanted == 2, err == nil)
		var ids [][2]uint64
		for _, s := range guarded.srv.Inspect().Signals {
			ids = append(ids, [2]uint64{s.ID, 0})
		}
		ch, err = sig.Ask[router.Changes](t.Context(), c.Remote(), router.Inspector, "changes", map[string]any{"parts": []string{}, "values": ids})
		require.NoError(t, err)
		require.Len(t, ch.Values, wanted)
	}
	_, err = sig.Ask[router.TailPart](t.Context(), far(t, guarded.srv, router.ClientOptions{Token: weak}).Remote(), router.Inspector, "tail", nil)
	require.NoError(t, err)
}

func TestInspectTailRights(t *testing.T) {
	token, hash := auth.NewToken()
	login, err := auth.Parse("rules", strings.NewReader("token bob "+hash+" guest\nallow guest request #router\nallow guest listen open\n"))
	require.NoError(t, err)
	s := newSite(t, router.ServerOptions{Login: login})
	c := far(t, s.srv, router.ClientOptions{Token: token})
	read := func() router.TailPart {
		part, err := sig.Ask[router.TailPart](t.Context(), c.Remote(), router.Inspector, "tail", nil)
		require.NoError(t, err)
		return part
	}
	read()
	for _, name := range []string{"open", "secret"} {
		snd, err := s.srv.AddSender(name, sig.Events("e"))
		require.NoError(t, err)
		sg, err := snd.Signal("e")
		require.NoError(t, err)
		require.NoError(t, sg.Trigger(name))
	}
	part := read()
	require.Len(t, part.Events, 2)
	for _, e := range part.Events {
		require.Equal(t, "open", e.Sender)
	}
}

func TestInspectLog(t *testing.T) {
	var text strings.Builder
	tail := router.NewLogTail(slog.NewTextHandler(&text, nil), 3)
	s := newSite(t, router.ServerOptions{Options: router.Options{Logger: slog.New(tail)}})
	c := s.dial(t, router.ClientOptions{Name: "ana"})
	lines, err := sig.Ask[[]router.LogLine](t.Context(), c.Remote(), router.Inspector, "log", nil)
	require.NoError(t, err)
	require.Len(t, lines, 1)
	require.Equal(t, "peer connected", lines[0].Message)
	require.Equal(t, "peer", lines[0].Attrs[0].Key)

	log := slog.New(tail).With("a", 1).WithGroup("g").With("b", 2)
	log.Warn(strings.Repeat("m", 2000), "c", strings.Repeat("é", 500), slog.Group("in", "d", 4))
	log.Debug("not enabled")
	lines = tail.After(lines[0].N)
	require.Len(t, lines, 1)
	require.LessOrEqual(t, len(lines[0].Message), 1030)
	require.Equal(t, "WARN", lines[0].Level)
	keys := []string{}
	for _, a := range lines[0].Attrs {
		keys = append(keys, a.Key)
		require.LessOrEqual(t, len(a.Value), 260)
	}
	require.Equal(t, []string{"a", "g.b", "g.c", "g.in.d"}, keys)
	for range 10 {
		log.Info("more")
	}
	require.Len(t, tail.After(0), 3)
	require.Empty(t, tail.After(12))
	require.Len(t, tail.After(99), 3, "of another run")
	require.Contains(t, text.String(), "g.in.d=4", "what is behind gets everything")

	quiet := newSite(t, router.ServerOptions{Options: router.Options{Logger: slog.New(slog.DiscardHandler)}})
	_, err = quiet.dial(t, router.ClientOptions{}).RemoteRequest(t.Context(), router.Inspector, "log", nil)
	require.ErrorIs(t, err, sig.ErrInvalid)
}

func TestInspectLinks(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	links := until(t, s.srv, func(s router.Snapshot) bool { return len(s.Links) == 1 }).Links
	require.Equal(t, router.LinkStatus{URL: s.url, State: "listening"}, links[0])
	next := time.Now().Add(time.Second).Round(0)
	go func() { _ = s.srv.Serve(&reporter{next: next, done: make(chan struct{})}) }()
	until(t, s.srv, func(s router.Snapshot) bool { return len(s.Links) == 2 })
	links = s.srv.Inspect().Links
	require.Equal(t, router.LinkStatus{
		URL: "serial:///dev/x", State: "waiting", Error: "no such port", Attempts: 3, Next: &next,
		Last: "21.5", LastAt: &next, Counters: map[string]uint64{"noise": 7},
	}, links[0])
}

// A reporter is a listener of a device that is not there.
type reporter struct {
	next time.Time
	done chan struct{}
	once sync.Once
}

func (r *reporter) Accept() (carrier.Conn, error) {
	<-r.done
	return nil, carrier.ErrClosed
}

func (r *reporter) Close() error {
	r.once.Do(func() { close(r.done) })
	return nil
}
func (r *reporter) URL() string { return "serial:///dev/x" }
func (r *reporter) Report() carrier.Report {
	return carrier.Report{
		State: "waiting", Err: fmt.Errorf("no such port"), Attempts: 3, Next: r.next, Last: "21.5", LastAt: r.next,
		Counters: map[string]uint64{"noise": 7},
	}
}
