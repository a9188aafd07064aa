package router_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// Who is no peer needs the rights that a peer would, and sees no more.
func TestInspectAs(t *testing.T) {
	login := parseLogin(t, tokenLine("ana", anaToken, "ops")+tokenLine("bob", bobToken, "guest")+`
allow ops any *
allow guest listen garden
allow guest request #router signals
`)
	s := newSite(t, router.ServerOptions{Login: login})
	for _, name := range []string{"garden", "vault"} {
		_, err := s.srv.AddSender(name, sig.Events("moved"))
		require.NoError(t, err)
	}
	near := carrier.Info{Carrier: "http", Remote: "127.0.0.1:1", Loopback: true}
	signals := func(token string) (any, error) {
		id, err := s.srv.Authenticate(t.Context(), token, near)
		require.NoError(t, err)
		return s.srv.InspectAs(t.Context(), id, near, "signals", map[string]any{"query": "MOVED"})
	}
	all, err := signals(anaToken)
	require.NoError(t, err)
	require.Equal(t, 2, all.(router.SignalPage).Total)
	some, err := signals(bobToken)
	require.NoError(t, err)
	require.Equal(t, 1, some.(router.SignalPage).Total)
	require.Equal(t, "garden", some.(router.SignalPage).Signals[0].Sender)

	bob, err := s.srv.Authenticate(t.Context(), bobToken, near)
	require.NoError(t, err)
	for _, method := range []string{"status", "snapshot", "disconnect", "metrics"} {
		require.ErrorIs(t, s.srv.MayInspect(bob, near, method), sig.ErrRefused, method)
		_, err = s.srv.InspectAs(t.Context(), bob, near, method, nil)
		require.ErrorIs(t, err, sig.ErrRefused, method)
	}
	_, err = s.srv.Authenticate(t.Context(), "", near)
	require.Error(t, err)
	require.Zero(t, s.srv.Stats().LoginFailures, "without a token there is nothing to guess")
	_, err = s.srv.Authenticate(t.Context(), "guess", near)
	require.Error(t, err)
	require.EqualValues(t, 1, s.srv.Stats().LoginFailures)
}

func TestInspectAsWithoutLogin(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	near, far := carrier.Info{Loopback: true}, carrier.Info{Remote: "192.0.2.1:9"}
	id, err := s.srv.Authenticate(t.Context(), "", near)
	require.NoError(t, err)
	st, err := s.srv.InspectAs(t.Context(), id, near, "status", nil)
	require.NoError(t, err)
	require.Equal(t, "router", st.(router.Status).Name)
	_, err = s.srv.InspectAs(t.Context(), id, near, "nonsense", nil)
	require.ErrorIs(t, err, sig.ErrNoMethod)
	require.ErrorIs(t, s.srv.MayInspect(id, far, "status"), sig.ErrRefused)
	open := newSite(t, router.ServerOptions{InspectFromAnywhere: true})
	require.NoError(t, open.srv.MayInspect(id, far, "status"))
}

// What peers that have gone did stays counted, by the kind of their carrier.
func TestInspectCarriers(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	s.srv.Inspect()
	for range 2 {
		c := s.dial(t, router.ClientOptions{})
		_, err := c.RemoteSenders(t.Context())
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
	snap := until(t, s.srv, func(s router.Snapshot) bool {
		return len(s.Carriers) == 1 && s.Carriers[0].Connections == 2 && s.Carriers[0].Peers == 0
	})
	c := snap.Carriers[0]
	require.Equal(t, "tcp", c.Carrier)
	require.GreaterOrEqual(t, c.MessagesIn, uint64(4), "hello and list_senders, twice")
	require.GreaterOrEqual(t, c.BytesOut, uint64(100))
}

// An event that a full queue turns away is in the total, under its reason.
func TestInspectDropsOfOwnQueues(t *testing.T) {
	r := router.New()
	defer r.Close()
	began, release := make(chan bool), make(chan bool)
	_, err := r.AddListener("timer", "tic", func(sig.Event) { began <- true; <-release }, sig.Queue(1, sig.DropNewest))
	require.NoError(t, err)
	timer, err := r.AddSender("timer", sig.Events("tic"))
	require.NoError(t, err)
	tic, err := timer.Signal("tic")
	require.NoError(t, err)
	require.NoError(t, tic.Trigger(1))
	<-began
	for range 4 {
		require.NoError(t, tic.Trigger(2))
	}
	st := r.Status()
	require.EqualValues(t, 3, st.DroppedBy["listener_queue"])
	require.EqualValues(t, 3, st.Dropped)
	close(release)
	<-began
}

func TestInspectTimes(t *testing.T) {
	r := router.New()
	defer r.Close()
	r.Inspect()
	_, err := r.AddSender("slow", sig.Answer("wait", func(context.Context, sig.Request) (any, error) {
		time.Sleep(time.Millisecond) // is what is measured
		return nil, nil
	}))
	require.NoError(t, err)
	for range 3 {
		_, err := r.Request(t.Context(), "slow", "wait", nil)
		require.NoError(t, err)
	}
	times := r.Inspect().Methods[0].Times
	require.Len(t, times.Counts, len(times.Bounds)+1)
	n := uint64(0)
	for _, c := range times.Counts {
		n += c
	}
	require.EqualValues(t, 3, n)
	require.Zero(t, times.Counts[0], "none was faster than its handler")
	require.GreaterOrEqual(t, times.Sum, 3*time.Millisecond)
}
