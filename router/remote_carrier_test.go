package router_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// hop is a Carrier whose calls are run by the carrier at its other end.
type hop struct {
	carrier.Base
	name  string // by which the other end knows this one
	other *hop
	down  atomic.Bool
	calls atomic.Int64
}

var errDown = errors.New("the hop is down")

func (h *hop) HandleTX(ctx context.Context, peer string, m *carrier.Message) (*carrier.Reply, error) {
	h.calls.Add(1)
	if h.down.Load() {
		h.PeerDisconnected(peer, errDown) // from inside, as a carrier finds out
		return nil, errDown
	}
	m.ID = json.RawMessage(`"x"`)
	data, err := h.Pack(m)
	if err != nil {
		return nil, err
	}
	m, _, err = h.Unpack(data)
	if err != nil {
		return nil, err
	}
	return h.other.HandleRX(ctx, h.name, m), nil
}

// hops is a server and a client joined by two hops.
func hops(t *testing.T, opts router.ClientOptions) (srv *router.ServerRouter, c *router.ClientRouter, near, far *hop) {
	t.Helper()
	near, far = &hop{name: "server"}, &hop{name: "client"}
	near.other, far.other = far, near
	srv = router.NewServer()
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	require.NoError(t, srv.AttachCarrier(near))
	require.NoError(t, near.PeerConnected("client"))
	c, err := opts.AttachCarrier(t.Context(), far, "server")
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return srv, c, near, far
}

// Everything goes over a Carrier, in order, in both directions, whatever its size.
func TestCarrier(t *testing.T) {
	const n = 500
	srv, c, _, _ := hops(t, router.ClientOptions{})
	up, down := newCollect(), newCollect()
	_, err := srv.AddListener("far", "e", up.listen)
	require.NoError(t, err)
	_, err = c.AddRemoteListener(t.Context(), "near", "e", down.listen)
	require.NoError(t, err)
	echo := sig.AnswerRest(func(_ context.Context, r sig.Request) (any, error) { return r.Params, nil })
	far, err := c.AddRemoteSender(t.Context(), "far", sig.Events("e"), echo)
	require.NoError(t, err)
	near, err := srv.AddSender("near", sig.Events("e"), echo)
	require.NoError(t, err)
	fromFar, err := far.Signal("e")
	require.NoError(t, err)
	fromNear, err := near.Signal("e")
	require.NoError(t, err)
	for i := range n {
		require.NoError(t, fromFar.Trigger(i))
		require.NoError(t, fromNear.Trigger(i))
	}
	for i := range n {
		require.Equal(t, int64(i), up.data(t))
		require.Equal(t, int64(i), down.data(t))
	}
	big := strings.Repeat("x", 100_000)
	require.NoError(t, fromNear.Trigger(big))
	require.Equal(t, big, down.data(t))
	got, err := sig.Ask[string](t.Context(), c.Remote(), "near", "echo", big)
	require.NoError(t, err)
	require.Equal(t, big, got)
	got, err = sig.Ask[string](t.Context(), srv, "far", "echo", big)
	require.NoError(t, err)
	require.Equal(t, big, got)
	_, err = c.RemoteRequest(t.Context(), "nobody", "x", nil)
	require.ErrorIs(t, err, sig.ErrNoSender)
	require.Equal(t, "client", srv.Peers()[0].Address)
	require.True(t, srv.Peers()[0].Classic)
}

// A handler may ask back over the carrier that its request came by.
func TestCarrierAskBack(t *testing.T) {
	srv, c, _, _ := hops(t, router.ClientOptions{})
	_, err := c.AddRemoteSender(t.Context(), "far", sig.Answer("name", func(context.Context, sig.Request) (any, error) { return "far", nil }))
	require.NoError(t, err)
	_, err = srv.AddSender("near", sig.Answer("who", func(ctx context.Context, _ sig.Request) (any, error) {
		r, err := srv.Request(ctx, "far", "name", nil)
		return r.Data, err
	}))
	require.NoError(t, err)
	name, err := sig.Ask[string](t.Context(), c.Remote(), "near", "who", nil)
	require.NoError(t, err)
	require.Equal(t, "far", name)
}

// Who goes takes its senders with it, and #disconnect says why; the client comes back.
func TestCarrierLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		states := make(chan router.State, 100)
		srv, c, near, far := hops(t, router.ClientOptions{OnState: func(s router.State) { states <- s }})
		require.True(t, (<-states).Connected)
		gone := newCollect()
		_, err := srv.AddListener("far", sig.Disconnect, gone.listen)
		require.NoError(t, err)
		got := newCollect()
		_, err = srv.AddListener("far", "e", got.listen)
		require.NoError(t, err)
		snd, err := c.AddRemoteSender(t.Context(), "far", sig.Events("e"))
		require.NoError(t, err)
		e, err := snd.Signal("e")
		require.NoError(t, err)

		far.down.Store(true)
		near.PeerDisconnected("client", errDown)
		reason := gone.next(t).Data.(sig.Declaration).Reason
		require.Contains(t, reason, errDown.Error())
		require.NoError(t, e.Trigger("meanwhile"))
		require.ErrorIs(t, (<-states).Err, errDown)
		time.Sleep(time.Minute)
		require.False(t, c.Connected())
		require.Greater(t, far.calls.Load(), int64(5), "it keeps trying")
		far.down.Store(false)
		require.Equal(t, "meanwhile", got.data(t))
		require.True(t, (<-states).Connected)

		near.AllPeersDisconnected()
		require.Equal(t, sig.Disconnect, gone.next(t).Name)
	})
}

// A server that is not there is an error at once.
func TestCarrierNobodyThere(t *testing.T) {
	near, far := &hop{name: "server"}, &hop{name: "client"}
	near.other, far.other = far, near // bound to no router
	_, err := router.ClientOptions{}.AttachCarrier(t.Context(), far, "server")
	require.ErrorIs(t, err, sig.ErrNotConnected)
	require.ErrorContains(t, err, "serves no router")
	far.down.Store(true)
	_, err = router.ClientOptions{}.AttachCarrier(t.Context(), &hop{other: near, name: "client"}, "server")
	require.ErrorIs(t, err, sig.ErrNotConnected)
}

// What a carrier hands over may be anything.
func TestCarrierBadInput(t *testing.T) {
	_, _, near, _ := hops(t, router.ClientOptions{})
	for _, c := range []struct {
		message carrier.Message
		status  sig.Status
	}{
		{carrier.Message{ID: json.RawMessage(`1`), Method: "hello", Params: json.RawMessage(`{"version":1}`)}, sig.StatusNoMethod},
		{carrier.Message{ID: json.RawMessage(`"a"`), Method: "fly"}, sig.StatusNoMethod},
		{carrier.Message{ID: json.RawMessage(`2.5`)}, sig.StatusNoName},
		{carrier.Message{ID: json.RawMessage(`3`), Method: "add_sender", Params: json.RawMessage(`[]`)}, sig.StatusFailed},
		{carrier.Message{ID: json.RawMessage(`3`), Method: "add_sender", Params: json.RawMessage(`{`)}, sig.StatusMalformed},
		{carrier.Message{Method: "get_version"}, sig.StatusDone},
	} {
		r := near.HandleRX(t.Context(), "client", &c.message)
		require.Equal(t, c.status, r.Status, "%+v: %+v", c.message, r)
		if c.message.ID != nil {
			require.Equal(t, string(c.message.ID), string(r.ID))
		}
	}
}

// Nothing of a carrier is left when a router has ended, whatever was under way.
func TestCarrierClosed(t *testing.T) {
	srv, c, near, far := hops(t, router.ClientOptions{NoReconnect: true})
	asked := make(chan struct{})
	_, err := c.AddRemoteSender(t.Context(), "far", sig.AnswerRest(func(ctx context.Context, _ sig.Request) (any, error) {
		close(asked)
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	require.NoError(t, err)
	failed := make(chan error, 1)
	go func() {
		_, err := srv.Request(context.Background(), "far", "wait", nil)
		failed <- err
	}()
	<-asked
	require.NoError(t, srv.Close())
	require.Error(t, <-failed)
	far.PeerDisconnected("server", errDown)
	require.ErrorIs(t, near.PeerConnected("another"), sig.ErrShuttingDown)
	require.ErrorIs(t, srv.AttachCarrier(&hop{}), sig.ErrShuttingDown)
	require.Equal(t, sig.StatusShuttingDown, near.HandleRX(t.Context(), "x", &carrier.Message{Method: "get_version"}).Status)
}
