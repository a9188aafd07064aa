package router_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

const rightsText = `
allow sensor  add,trigger  sensor.{name}
allow sensor  listen       command.>  {name}
allow seer    listen       sensor.>
allow seer    request      sensor.*   get
deny  seer    listen       >          secret
`

func rightsSite(t *testing.T, more string) *site {
	return newSite(t, router.ServerOptions{Login: parseLogin(t, tokenLine("ana", anaToken, "sensor")+tokenLine("bob", bobToken, "seer")+rightsText+more)})
}

// What is refused, and in which words.
func TestRightsRefuse(t *testing.T) {
	s := rightsSite(t, "")
	_, err := s.srv.AddSender("command.pump", sig.Events("ana", "bob"), sig.Answer("get", func(contextType, sig.Request) (any, error) { return 1, nil }))
	require.NoError(t, err)
	ana := dialRaw(t, s.schemes, s.url)
	require.Zero(t, ana.ask(helloWith(anaToken)).Status)
	require.Zero(t, ana.ask(`{"id":2,"method":"add_sender","params":{"sender":"sensor.ana","events":["t","secret"],"requests":["get","set"]}}`).Status)
	bob := dialRaw(t, s.schemes, s.url)
	require.Zero(t, bob.ask(helloWith(bobToken)).Status)
	for _, c := range []struct {
		who  *rawPeer
		call string
		want string
	}{
		{ana, `"add_sender","params":{"sender":"sensor.bob","events":["t"]}`, `not permitted to add sender "sensor.bob"`},
		{ana, `"remove_sender","params":{"sender":"command.pump"}`, `not permitted to add sender "command.pump"`},
		{ana, `"add_listener","params":{}`, ""},
		{ana, `"add_listener","params":{"sender":"sensor.ana","event":"t"}`, `not permitted to listen to event "t" of sender "sensor.ana"`},
		{ana, `"add_listener","params":{"sender":"command.pump","event":"bob"}`, `not permitted to listen to event "bob" of sender "command.pump"`},
		{ana, `"add_listener","params":{"sender":"command.pump","event":"ana"}`, ""},
		{ana, `"add_listener","params":{"sender":"command","below":true}`, ""},
		{ana, `"add_listener","params":{"sender":"commands","below":true}`, `not permitted to listen to any event of sender "commands"`},
		{ana, `"request","params":{"sender":"command.pump","method":"get"}`, `not permitted to request method "get" of sender "command.pump"`},
		{ana, `"request","params":{"sender":"no.such","method":"get"}`, `not permitted to request method "get" of sender "no.such"`},
		{ana, `"signal","params":{"info":{"sender":"sensor.ana","event":"t"}}`, ""},
		{ana, `"signal","params":{"info":{"sender":"sensor.ana","event":"#connect"}}`, `event "#connect" of sender "sensor.ana" is built in`},
		{ana, `"signal","params":{"info":{"sender":"command.pump","event":"ana"}}`, `not permitted to trigger event "ana" of sender "command.pump"`},
		{ana, `"signal","params":{"info":{"sender":"no.such","event":"ana"}}`, `not permitted to trigger event "ana" of sender "no.such"`},
		{bob, `"add_sender","params":{"sender":"sensor.bob","events":["t"]}`, `not permitted to add sender "sensor.bob"`},
		{bob, `"add_listener","params":{"sender":"sensor.ana","event":"secret"}`, `not permitted to listen to event "secret" of sender "sensor.ana"`},
		{bob, `"add_listener","params":{"sender":"command.>"}`, `not permitted to listen to any event of sender "command.>"`},
		{bob, `"request","params":{"sender":"sensor.ana","method":"set"}`, `not permitted to request method "set" of sender "sensor.ana"`},
		{bob, `"signal","params":{"info":{"sender":"sensor.ana","event":"t"}}`, `not permitted to trigger event "t" of sender "sensor.ana"`},
	} {
		r := c.who.ask(`{"id":9,"method":` + c.call + `}`)
		if c.want == "" {
			require.Zero(t, r.Status, "%s: %s", c.call, r.Exception)
			continue
		}
		require.Equal(t, int(sig.StatusRefused), r.Status, c.call)
		require.Contains(t, r.Exception, c.want, c.call)
	}
	// A signal of the fast lane is refused under its number.
	require.NoError(t, bob.Send([]byte(`{"n":1,"method":"signal","params":{"info":{"sender":"sensor.ana","event":"t"},"data":1}}`)))
	frame, err := bob.Recv()
	require.NoError(t, err)
	require.Contains(t, string(frame), `{"refused":1,"status":-5,"exception":"not permitted to trigger`)
}

// Who may not listen to something does not learn of it otherwise either: not by listening
// to everything, not by lists, not by what built-in events tell, not by retained values.
func TestRightsHide(t *testing.T) {
	s := rightsSite(t, "allow seer request answerer\nallow seer listen loud\n")
	bob := s.dial(t, router.ClientOptions{Token: bobToken})
	got := newCollect()
	_, err := bob.AddRemoteListener(t.Context(), sig.Any, sig.Any, got.listen)
	require.NoError(t, err)
	watch := newCollect()
	_, err = bob.AddRemoteListener(t.Context(), sig.Any, sig.Subscribe, watch.listen)
	require.NoError(t, err)

	ana := s.dial(t, router.ClientOptions{Token: anaToken})
	sensor, err := ana.AddRemoteSender(t.Context(), "sensor.ana", sig.Retain("t", "secret"), sig.Answer("get", nothing), sig.Answer("set", nothing))
	require.NoError(t, err)
	for _, name := range []string{"hidden", "answerer", "loud"} {
		snd, err := s.srv.AddSender(name, sig.Retain("e"), sig.Answer("m", nothing))
		require.NoError(t, err)
		sg, err := snd.Signal("e")
		require.NoError(t, err)
		require.NoError(t, sg.Trigger(name))
	}
	for _, event := range []string{"secret", "t"} {
		sg, err := sensor.Signal(event)
		require.NoError(t, err)
		require.NoError(t, sg.Trigger(event))
	}
	seen := map[string]string{}
	for len(seen) < 4 {
		e := got.next(t)
		v, err := sig.As[json.RawMessage](e.Data)
		require.NoError(t, err)
		seen[e.Sender+"/"+e.Name] = string(v)
	}
	require.Equal(t, map[string]string{
		"sensor.ana/#connect": `{"events":["#connect","#disconnect","t"],"requests":["get"]}`,
		"sensor.ana/t":        `"t"`,
		"loud/#connect":       `{"events":["#connect","#disconnect","e"],"requests":[]}`,
		"loud/e":              `"loud"`,
	}, seen)

	infos, err := bob.RemoteSenders(t.Context())
	require.NoError(t, err)
	var list []string
	for _, info := range infos {
		if info.Name != nil {
			list = append(list, fmt.Sprint(*info.Name, info.Events))
		}
	}
	require.Equal(t, []string{"answerer[]", "loud[e]", "sensor.ana[t]"}, list)

	late := newCollect()
	_, err = bob.AddRemoteListener(t.Context(), sig.Any, sig.Any, late.listen)
	require.NoError(t, err)
	require.Equal(t, "loud/e", name(late.next(t)))
	require.Equal(t, "sensor.ana/t", name(late.next(t)))

	// Of listeners, too, only those of events it may listen to.
	for _, event := range []string{"secret", "t"} {
		_, err = s.srv.AddListener("sensor.ana", event, func(sig.Event) {})
		require.NoError(t, err)
	}
	var l sig.Listening
	for l.Event != "t" {
		require.NoError(t, watch.next(t).Decode(&l))
		require.NotEqual(t, "secret", l.Event)
	}
	require.Empty(t, late)
}

func name(e sig.Event) string { return e.Sender + "/" + e.Name }

func nothing(contextType, sig.Request) (any, error) { return nil, nil }

// S8: generated rights, listeners and events; each client gets exactly what it listens to
// and may listen to. 100,000 pairs of event and listener.
func TestRightsAgainstOracle(t *testing.T) {
	const rounds, clients, listeners, events = 50, 5, 4, 100
	r := rand.New(rand.NewPCG(8, 80))
	names := []string{"a", "b", "a.a", "a.b", "b.a", "a.a.b", "#c"}
	patterns := append(slices.Clone(names), "*", ">", "a.*", "*.a", "a.>", "*.*", "b.>", "a.*.b")
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	delivered := 0
	for range rounds {
		login := fakeLogin{}
		for i := range clients {
			var rules []auth.Rule
			for range 1 + r.IntN(5) {
				rules = append(rules, auth.Rule{Deny: r.IntN(3) == 0, Actions: auth.Listen, Sender: pick(patterns), Name: pick(patterns)})
			}
			rights, err := auth.NewRights(rules...)
			require.NoError(t, err)
			login[fmt.Sprint(i)] = auth.Identity{Name: fmt.Sprint(i), Rights: rights}
		}
		schemes := carrier.NewSchemes(local.NewNetwork())
		srv := router.ServerOptions{Schemes: schemes, Login: login}.New()
		_, err := srv.Listen(t.Context(), "local://x")
		require.NoError(t, err)
		signals := map[string]sig.Signal{}
		for _, sender := range names {
			snd, err := srv.AddSender(sender, sig.Events(names...))
			require.NoError(t, err)
			for _, event := range names {
				signals[sender+"/"+event], err = snd.Signal(event)
				require.NoError(t, err)
			}
		}
		type subscription struct {
			rights        *auth.Rights
			sender, event string
			below         bool
			got           collect
		}
		var subs []subscription
		for i := range clients {
			c, err := router.ClientOptions{Schemes: schemes, Token: fmt.Sprint(i)}.Dial(t.Context(), "local://x")
			require.NoError(t, err)
			defer c.Close()
			for range listeners {
				sub := subscription{login[fmt.Sprint(i)].Rights, pick(patterns), pick(patterns), r.IntN(4) == 0, newCollect()}
				opts := []sig.ListenOption{}
				if sub.below {
					opts = append(opts, sig.Below())
				}
				_, err := c.AddRemoteListener(t.Context(), sub.sender, sub.event, sub.got.listen, opts...)
				if err != nil {
					require.ErrorIs(t, err, sig.ErrRefused)
				}
				subs = append(subs, sub)
			}
		}
		var triggered []string
		for i := range events {
			key := pick(names) + "/" + pick(names)
			require.NoError(t, signals[key].Trigger(i))
			triggered = append(triggered, key)
		}
		require.NoError(t, srv.Shutdown(t.Context())) // everything has arrived
		for _, sub := range subs {
			var want []string
			for i, key := range triggered {
				sender, event, _ := strings.Cut(key, "/")
				if hears(sub.sender, sub.event, sub.below, sender, event) && sub.rights.May(auth.Listen, sender, event) {
					want = append(want, fmt.Sprint(i))
				}
			}
			close(sub.got)
			var got []string
			for e := range sub.got {
				if !sig.IsBuiltin(e.Name) {
					got = append(got, fmt.Sprint(e.Data))
				}
			}
			require.Equal(t, want, got)
			delivered += len(got)
		}
	}
	require.Greater(t, delivered, rounds*clients*listeners*events/100)
}

// hears says what a subscription is about.
func hears(wantSender, wantEvent string, below bool, sender, event string) bool {
	switch {
	case !below:
		return sig.Match(wantSender, sender) && sig.Match(wantEvent, event)
	case wantSender == sig.Any && wantEvent == sig.Any:
		return true
	case wantEvent == sig.Any:
		return sig.MatchBelow(wantSender, sender)
	}
	return sig.Match(wantSender, sender) && sig.MatchBelow(wantEvent, event)
}

// fakeLogin lets in by name.
type fakeLogin map[string]auth.Identity

func (l fakeLogin) Authenticate(_ contextType, token string, _ carrier.Info) (auth.Identity, error) {
	if id, ok := l[token]; ok {
		return id, nil
	}
	return auth.Identity{}, errors.New("unknown")
}

// S9: what changes reaches those who are connected within a second, and comes back as it
// went.
func TestRightsFollow(t *testing.T) {
	before := tokenLine("ana", anaToken, "sensor") + tokenLine("bob", bobToken, "seer") + rightsText
	s := newSite(t, router.ServerOptions{Login: parseLogin(t, before)})
	errs := make(chan error, 100)
	states := make(chan router.State, 100)
	ana := s.dial(t, router.ClientOptions{Token: anaToken, OnError: func(err error) { errs <- err }})
	bob := s.dial(t, router.ClientOptions{
		Token: bobToken, OnError: func(err error) { errs <- err }, OnState: func(st router.State) { states <- st },
		MaxBackoff: 100 * time.Millisecond,
	})
	require.True(t, (<-states).Connected)
	sensor, err := ana.AddRemoteSender(t.Context(), "sensor.ana", sig.Events("t", "u"))
	require.NoError(t, err)
	all, one := newCollect(), newCollect()
	_, err = bob.AddRemoteListener(t.Context(), "sensor.*", sig.Any, all.listen)
	require.NoError(t, err)
	_, err = bob.AddRemoteListener(t.Context(), "sensor.ana", "t", one.listen)
	require.NoError(t, err)
	trigger := func(event string, data any) {
		sg, err := sensor.Signal(event)
		require.NoError(t, err)
		require.NoError(t, sg.Trigger(data))
	}
	trigger("t", 1)
	require.EqualValues(t, 1, one.data(t))
	require.EqualValues(t, 1, all.data(t))

	// Not t any more: one listener is cut, and its program told; the other goes on without.
	start := time.Now()
	s.srv.SetLogin(parseLogin(t, before+"deny seer listen sensor.ana t\n"))
	require.Less(t, time.Since(start), time.Second)
	err = <-errs
	require.ErrorIs(t, err, sig.ErrRefused)
	require.ErrorContains(t, err, "sensor.ana/t")
	trigger("t", 2)
	trigger("u", 3)
	require.EqualValues(t, 3, all.data(t))
	require.Empty(t, one)

	// And back: the client adds its listener again by itself.
	s.srv.SetLogin(parseLogin(t, before))
	require.Eventually(t, func() bool {
		trigger("t", 4)
		return len(one) > 0
	}, 10*time.Second, 20*time.Millisecond)
	for len(all) > 0 {
		<-all
	}

	// Ana may not have its sender any more.
	s.srv.SetLogin(parseLogin(t, before+"deny sensor add sensor.ana\n"))
	_, there := s.srv.Sender("sensor.ana")
	require.False(t, there)
	for name(all.next(t)) != "sensor.ana/#disconnect" {
	}
	err = <-errs
	for errors.Is(err, sig.ErrNoSender) { // what was triggered just before
		err = <-errs
	}
	require.ErrorIs(t, err, sig.ErrRefused)
	s.srv.SetLogin(parseLogin(t, before))
	require.Eventually(t, func() bool {
		_, there := s.srv.Sender("sensor.ana")
		return there
	}, 10*time.Second, 20*time.Millisecond)

	// Bob's token is no good any more, and then is again.
	s.srv.SetLogin(parseLogin(t, tokenLine("ana", anaToken, "sensor")+strings.ReplaceAll(rightsText, "seer", "*")))
	st := <-states
	require.False(t, st.Connected)
	require.ErrorContains(t, st.Err, "no longer permitted")
	st = <-states // an attempt to come back
	require.False(t, st.Connected)
	require.ErrorIs(t, st.Err, sig.ErrRefused)
	require.Positive(t, st.Attempts)
	s.srv.SetLogin(parseLogin(t, before))
	for st = <-states; !st.Connected; st = <-states {
		require.ErrorIs(t, st.Err, sig.ErrRefused)
	}
	trigger("u", 5)
	for all.next(t).Name != "u" {
	}
}

// A client that is away is not forgotten when rights change.
func TestRightsFollowWhoIsAway(t *testing.T) {
	before := tokenLine("ana", anaToken, "r") + "allow r listen >\n"
	for after, want := range map[string]string{
		tokenLine("ana", anaToken, "r") + "allow r listen own\n": "resumed",
		tokenLine("bob", bobToken, ""):                           "refused",
	} {
		s := newSite(t, router.ServerOptions{Login: parseLogin(t, before)})
		snd, err := s.srv.AddSender("own", sig.Events("e"))
		require.NoError(t, err)
		other, err := s.srv.AddSender("other", sig.Events("e"))
		require.NoError(t, err)
		c := dialRaw(t, s.schemes, s.url)
		var hello struct{ Session, Epoch string }
		require.NoError(t, json.Unmarshal(c.ask(helloWith(anaToken)).Response, &hello))
		require.Zero(t, c.ask(`{"id":2,"method":"add_listener","params":{}}`).Status)
		require.NoError(t, c.Close())
		require.Eventually(t, func() bool { return len(s.srv.Peers()) == 0 }, 5*time.Second, time.Millisecond)
		s.srv.SetLogin(parseLogin(t, after))
		for _, snd := range []sig.Sender{other, snd} {
			sg, err := snd.Signal("e")
			require.NoError(t, err)
			require.NoError(t, sg.Trigger(snd.Name()))
		}
		c = dialRaw(t, s.schemes, s.url)
		r := c.ask(fmt.Sprintf(`{"id":1,"method":"hello","params":{"version":1,"token":%q,"resume":{"session":%q,"epoch":%q,"last":0}}}`, anaToken, hello.Session, hello.Epoch))
		if want == "refused" {
			require.Equal(t, int(sig.StatusRefused), r.Status)
			continue
		}
		require.Contains(t, string(r.Response), `"resumed":true`)
		frame, err := c.Recv()
		require.NoError(t, err)
		require.Contains(t, string(frame), `"own"`)
	}
}

// Whoever logs in while the Login is being replaced is judged by the new one.
func TestSetLoginWhileClientsCome(t *testing.T) {
	open, shut := parseLogin(t, tokenLine("ana", anaToken, "r")+"allow r any >\n"), parseLogin(t, tokenLine("ana", anaToken, "r")+"allow r any x\n")
	s := newSite(t, router.ServerOptions{Login: open, Limits: carrier.Limits{MaxLogins: 1000}})
	for range 20 {
		s.srv.SetLogin(open)
		done := make(chan *rawPeer, 8)
		for range cap(done) {
			go func() {
				c, err := s.schemes.Dial(t.Context(), s.url)
				if err == nil {
					err = c.Send([]byte(helloWith(anaToken)))
				}
				if err == nil {
					_, err = c.Recv()
				}
				if err != nil {
					t.Error(err)
				}
				done <- &rawPeer{t, c}
			}()
		}
		s.srv.SetLogin(shut)
		for range cap(done) {
			c := <-done
			r := c.ask(`{"id":2,"method":"add_listener","params":{"sender":"y"}}`)
			for r.ID == nil { // what was removed
				r = c.reply()
			}
			require.Equal(t, int(sig.StatusRefused), r.Status)
			require.NoError(t, c.Close())
		}
	}
}
