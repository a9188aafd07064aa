package router_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// comings collects what a server tells of a sender: "#connect", "#disconnect", and data.
func comings(t *testing.T, srv *router.ServerRouter, sender string) chan any {
	t.Helper()
	all := make(chan any, 100)
	for _, event := range []string{sig.Connect, sig.Disconnect} {
		_, err := srv.AddListener(sender, event, func(e sig.Event) { all <- e.Name })
		require.NoError(t, err)
	}
	_, err := srv.AddListener(sender, "e", func(e sig.Event) {
		var n int
		_ = e.Decode(&n)
		all <- n
	})
	require.NoError(t, err)
	return all
}

// A sender with a grace outlives a connection that is lost and resumed: nobody hears it go.
func TestGraceIsBackInTime(t *testing.T) {
	overCarriers(t, router.ServerOptions{}, func(t *testing.T, s *site) {
		heard := comings(t, s.srv, "s")
		shaky, in := s.faulty(t)
		states := make(chan router.State, 100)
		c := shaky.dial(t, router.ClientOptions{MaxBackoff: 10 * time.Millisecond, OnState: func(st router.State) { states <- st }})
		resumed(t, states)
		e := addRemote(t, c, "s", "e", sig.Grace(time.Minute), sig.Retain("last"))
		other := addRemote(t, c, "plain", "e")
		gone := comings(t, s.srv, "plain")
		require.NoError(t, e.Trigger(0))
		require.NoError(t, other.Trigger(0))
		require.Equal(t, sig.Connect, <-heard)
		require.Equal(t, 0, <-heard)
		require.Equal(t, 0, <-gone)
		for n := 1; n < 4; n++ {
			in.Reset()
			require.True(t, resumed(t, states).Resumed)
			require.NoError(t, e.Trigger(n))
			require.NoError(t, other.Trigger(n))
			require.Equal(t, n, <-heard, "no #connect or #disconnect between")
			require.Equal(t, []any{sig.Disconnect, sig.Connect, n}, []any{<-gone, <-gone, <-gone}, "without a grace")
		}
		require.NoError(t, c.Close())
		require.Equal(t, sig.Disconnect, <-heard, "a goodbye ends it at once")
		require.Empty(t, heard)
	})
}

// Meanwhile the name is not free, requests fail at once, and the list says that it is away.
func TestGraceMeanwhile(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	heard := comings(t, s.srv, "s")
	shaky, in := s.faulty(t)
	c := shaky.dial(t, router.ClientOptions{NoReconnect: true})
	addRemote(t, c, "s", "e", sig.Grace(time.Minute), sig.Answer("m", func(context.Context, sig.Request) (any, error) { return 1, nil }))
	require.Equal(t, sig.Connect, <-heard)
	connected := func() bool {
		list, err := s.srv.Senders(t.Context())
		require.NoError(t, err)
		for _, info := range list {
			if info.Name != nil && *info.Name == "s" {
				return info.Connected
			}
		}
		t.Error("s is not listed")
		return false
	}
	require.True(t, connected())
	in.Reset()
	require.True(t, eventually(func() bool { return !connected() }))
	_, err := s.srv.Request(t.Context(), "s", "m", nil)
	require.ErrorIs(t, err, sig.ErrNotConnected)
	other := s.dial(t, router.ClientOptions{})
	_, err = other.RemoteRequest(t.Context(), "s", "m", nil)
	require.ErrorIs(t, err, sig.ErrNotConnected)
	_, err = other.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.ErrorIs(t, err, sig.ErrTaken)
	require.Empty(t, heard)
	require.NoError(t, s.srv.Close())
	require.Equal(t, sig.Disconnect, <-heard)
	require.Empty(t, heard)
}

// Who is not back in time has gone: that is told once, and the name is free.
func TestGraceIsOver(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	heard := comings(t, s.srv, "s")
	shaky, in := s.faulty(t)
	c := shaky.dial(t, router.ClientOptions{NoReconnect: true})
	addRemote(t, c, "s", "e", sig.Grace(10*time.Millisecond))
	require.Equal(t, sig.Connect, <-heard)
	in.Reset()
	require.Equal(t, sig.Disconnect, <-heard)
	other := s.dial(t, router.ClientOptions{})
	e := addRemote(t, other, "s", "e")
	require.NoError(t, e.Trigger(7))
	require.Equal(t, []any{sig.Connect, 7}, []any{<-heard, <-heard})
	require.NoError(t, s.srv.Close())
	require.Equal(t, sig.Disconnect, <-heard)
	require.Empty(t, heard)
}

// What is declared anew goes and comes; and what makes no sense is refused.
func TestGraceOnTheWire(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	heard := comings(t, s.srv, "s")
	const add = `{"id":2,"method":"add_sender","params":{"sender":"s","events":["e"],"grace_ms":60000}}`
	c := dialRaw(t, s.schemes, s.url)
	session := c.ask(helloWith(""))
	var in struct{ Session, Epoch string }
	require.NoError(t, json.Unmarshal(session.Response, &in))
	require.Zero(t, c.ask(add).Status)
	require.NotZero(t, c.ask(add).Status, "it is there")
	require.Contains(t, c.ask(`{"id":3,"method":"add_sender","params":{"sender":"z","events":["e"],"grace_ms":-1}}`).Exception, "less than 0")
	require.Equal(t, sig.Connect, <-heard)
	again := func() {
		require.NoError(t, c.Close())
		c = dialRaw(t, s.schemes, s.url)
		r := c.ask(fmt.Sprintf(`{"id":1,"method":"hello","params":{"version":1,"resume":{"session":%q,"epoch":%q,"last":0}}}`, in.Session, in.Epoch))
		require.Contains(t, string(r.Response), `"resumed":true`)
	}
	again()
	require.Zero(t, c.ask(add).Status)
	require.Empty(t, heard)
	again()
	require.Zero(t, c.ask(`{"id":2,"method":"add_sender","params":{"sender":"s","events":["e","f"],"grace_ms":60000}}`).Status)
	require.Equal(t, []any{sig.Disconnect, sig.Connect}, []any{<-heard, <-heard})
	again()
	require.Zero(t, c.ask(`{"id":2,"method":"remove_sender","params":{"sender":"s"}}`).Status, "removed while it was away")
	require.Equal(t, sig.Disconnect, <-heard)
	require.Zero(t, c.ask(add).Status)
	require.Equal(t, sig.Connect, <-heard)
	s.emptied(t, c)
	require.Equal(t, sig.Disconnect, <-heard, "after a goodbye")
}

// Who removes a sender while there is no connection does not leave it with the server.
func TestGraceRemovedWhileAway(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	heard := comings(t, s.srv, "s")
	line := newCable(t, s.hostport(t))
	states := make(chan router.State, 100)
	c := (&site{schemes: s.schemes, url: line.url()}).dial(t, router.ClientOptions{
		MaxBackoff: 20 * time.Millisecond, OnState: func(st router.State) { states <- st },
	})
	resumed(t, states)
	snd, err := c.AddRemoteSender(t.Context(), "s", sig.Events("e"), sig.Grace(time.Minute))
	require.NoError(t, err)
	require.Equal(t, sig.Connect, <-heard)
	line.refuse(true)
	line.cut()
	require.False(t, (<-states).Connected)
	require.NoError(t, snd.Remove())
	line.refuse(false)
	require.True(t, resumed(t, states).Resumed)
	require.Equal(t, sig.Disconnect, <-heard)
	require.Empty(t, heard)
}

// newcomer is a client that has said hello.
func newcomer(t *testing.T, e *everywhere, carrier, name, token string) *rawPeer {
	t.Helper()
	c := dialRaw(t, e.schemes, e.urls[carrier])
	r := c.ask(fmt.Sprintf(`{"id":1,"method":"hello","params":{"version":1,"name":%q,"token":%q}}`, name, token))
	require.Zero(t, r.Status, r.Exception)
	return c
}

// left closes a connection without a goodbye, and waits until its sender s is away.
func left(t *testing.T, srv *router.ServerRouter, c *rawPeer) {
	t.Helper()
	require.NoError(t, c.Close())
	require.True(t, eventually(func() bool {
		list, err := srv.Senders(t.Context())
		require.NoError(t, err)
		for _, info := range list {
			if info.Name != nil && *info.Name == "s" {
				return !info.Connected
			}
		}
		return false
	}))
}

const (
	addGrace = `{"id":2,"method":"add_sender","params":{"sender":"s","events":["e"],"grace_ms":60000}}`
	addOther = `{"id":2,"method":"add_sender","params":{"sender":"s","events":["e","f"],"grace_ms":60000}}`
)

// A program that is started anew while its sender is kept for it takes the name at once: the
// sender goes and comes. Nobody else does, nor the program while it is still connected.
func TestGraceStartedAnew(t *testing.T) {
	e := newEverywhere(t, router.ServerOptions{})
	heard := comings(t, e.srv, "s")
	old := newcomer(t, e, "tcp", "pump", "")
	require.Zero(t, old.ask(addGrace).Status)
	require.Equal(t, sig.Connect, <-heard)
	again := newcomer(t, e, "tcp", "pump", "")
	require.Contains(t, again.ask(addGrace).Exception, "already connected")
	left(t, e.srv, old)
	for _, other := range []*rawPeer{newcomer(t, e, "tcp", "pumps", ""), newcomer(t, e, "tcp", "", ""), newcomer(t, e, "local", "pump", "")} {
		require.Contains(t, other.ask(addGrace).Exception, "already connected")
	}
	require.Empty(t, heard)
	for _, add := range []string{addGrace, addOther} { // the same declaration is a new sender too
		require.Zero(t, again.ask(add).Status)
		require.Equal(t, []any{sig.Disconnect, sig.Connect}, []any{<-heard, <-heard})
		left(t, e.srv, again)
		again = newcomer(t, e, "tcp", "pump", "")
	}
	require.Zero(t, again.ask(addGrace).Status)
	require.Equal(t, []any{sig.Disconnect, sig.Connect}, []any{<-heard, <-heard})
	require.Zero(t, again.ask(`{"id":3,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":7}}`).Status)
	require.Equal(t, 7, <-heard)
	e.srv.Close()
	require.Equal(t, sig.Disconnect, <-heard)
	require.Empty(t, heard, "what was kept before has gone for good")
}

// With logins it is who has logged in that counts, wherever it comes from.
func TestGraceStartedAnewByLogin(t *testing.T) {
	e := newEverywhere(t, router.ServerOptions{Login: parseLogin(t, tokenLine("ana", anaToken, "op")+tokenLine("bob", bobToken, "op"))})
	heard := comings(t, e.srv, "s")
	old := newcomer(t, e, "tcp", "pump", anaToken)
	require.Zero(t, old.ask(addGrace).Status)
	require.Equal(t, sig.Connect, <-heard)
	left(t, e.srv, old)
	require.Contains(t, newcomer(t, e, "tcp", "pump", bobToken).ask(addGrace).Exception, "already connected")
	require.Empty(t, heard)
	require.Zero(t, newcomer(t, e, "local", "pump", anaToken).ask(addGrace).Status)
	require.Equal(t, []any{sig.Disconnect, sig.Connect}, []any{<-heard, <-heard})
}

// Who was cut off, and comes back when another program of its name has taken over, is told
// that the name is taken.
func TestGraceOfTwo(t *testing.T) {
	e := newEverywhere(t, router.ServerOptions{})
	heard := comings(t, e.srv, "s")
	old := dialRaw(t, e.schemes, e.urls["tcp"])
	var in struct{ Session, Epoch string }
	require.NoError(t, json.Unmarshal(old.ask(`{"id":1,"method":"hello","params":{"version":1,"name":"pump"}}`).Response, &in))
	require.Zero(t, old.ask(addGrace).Status)
	left(t, e.srv, old)
	again := newcomer(t, e, "tcp", "pump", "")
	require.Zero(t, again.ask(addGrace).Status)
	old = dialRaw(t, e.schemes, e.urls["tcp"])
	r := old.ask(fmt.Sprintf(`{"id":1,"method":"hello","params":{"version":1,"name":"pump","resume":{"session":%q,"epoch":%q,"last":0}}}`, in.Session, in.Epoch))
	require.Contains(t, string(r.Response), `"resumed":true`)
	require.Contains(t, old.ask(addGrace).Exception, "already connected")
	require.Equal(t, []any{sig.Connect, sig.Disconnect, sig.Connect}, []any{<-heard, <-heard, <-heard})
	require.Empty(t, heard)
}
