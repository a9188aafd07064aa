package router_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/carrier/tcp"
	"github.com/sigrouter/sigrouter/carrier/tls"
	"github.com/sigrouter/sigrouter/carrier/unix"
	"github.com/sigrouter/sigrouter/carrier/ws"
	"github.com/sigrouter/sigrouter/internal/testcert"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// tokens of the tests, and the lines for them.
const (
	anaToken = "sig_ana_1111111111111111111111111111111111111111"
	bobToken = "sig_bob_2222222222222222222222222222222222222222"
)

func tokenLine(name, token, roles string) string {
	return fmt.Sprintf("token %s %s %s\n", name, auth.Hash(token), roles)
}

func parseLogin(t testing.TB, text string) *auth.File {
	t.Helper()
	f, err := auth.Parse("tokens", strings.NewReader(text))
	require.NoError(t, err)
	return f
}

// everywhere is a server that listens on every carrier that runs on one machine.
type everywhere struct {
	srv     *router.ServerRouter
	schemes carrier.Schemes
	urls    map[string]string // by the carrier's name
	ca      *testcert.CA
}

func newEverywhere(t *testing.T, opts router.ServerOptions) *everywhere {
	t.Helper()
	e := &everywhere{urls: map[string]string{}, ca: testcert.NewCA(t)}
	cert, key := testcert.Files(t, e.ca.Server(t, testcert.Leaf{}))
	ca := e.ca.File(t)
	e.schemes = carrier.NewSchemes(local.NewNetwork(), tcp.Scheme{}, unix.Scheme{},
		tls.Scheme{CertFile: cert, KeyFile: key, CAFile: ca}, ws.Scheme{CertFile: cert, KeyFile: key, CAFile: ca})
	opts.Schemes = e.schemes
	e.srv = opts.New()
	t.Cleanup(func() { require.NoError(t, e.srv.Close()) })
	for name, at := range map[string]string{
		"local": "local://x", "tcp": "tcp://127.0.0.1:0", "unix": "unix://" + filepath.Join(t.TempDir(), "s"),
		"tls": "tls://127.0.0.1:0", "ws": "ws://127.0.0.1:0/sig", "wss": "wss://127.0.0.1:0/sig",
	} {
		l, err := e.srv.Listen(t.Context(), at)
		require.NoError(t, err, at)
		e.urls[name] = l.URL()
	}
	return e
}

// rawPeer is a connection without a client library.
type rawPeer struct {
	t *testing.T
	carrier.Conn
}

func dialRaw(t *testing.T, schemes carrier.Schemes, url string) *rawPeer {
	t.Helper()
	c, err := schemes.Dial(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return &rawPeer{t, c}
}

type rawReply struct {
	ID        json.RawMessage
	Status    int
	Response  json.RawMessage
	Exception string
	Error     struct{ Code string }
}

// ask sends a frame and returns the next one that comes.
func (r *rawPeer) ask(frame string) rawReply {
	r.t.Helper()
	require.NoError(r.t, r.Send([]byte(frame)))
	return r.reply()
}

func (r *rawPeer) reply() (out rawReply) {
	r.t.Helper()
	frame, err := r.Recv()
	require.NoError(r.t, err)
	require.NoError(r.t, json.Unmarshal(frame, &out), "%s", frame)
	return out
}

// closed waits until the other end has closed.
func (r *rawPeer) closed() {
	r.t.Helper()
	for {
		if _, err := r.Recv(); err != nil {
			return
		}
	}
}

func helloWith(token string) string {
	return fmt.Sprintf(`{"id":1,"method":"hello","params":{"version":1,"token":%q}}`, token)
}

// Everything a client can say besides hello.
var notHello = []string{
	`{"id":1,"method":"get_version"}`,
	`{"id":1,"method":"list_senders","params":{"list_events":true}}`,
	`{"id":1,"method":"add_sender","params":{"sender":"evil","events":["e"]}}`,
	`{"id":1,"method":"remove_sender","params":{"sender":"own"}}`,
	`{"id":1,"method":"add_listener","params":{"sender":null,"event":null}}`,
	`{"id":1,"method":"remove_listener","params":{"listener_id":1}}`,
	`{"id":1,"method":"signal","params":{"info":{"sender":"own","event":"e"},"data":1}}`,
	`{"id":1,"method":"request","params":{"sender":"own","method":"m","params":{}}}`,
	`{"id":1,"method":"ping"}`,
	`{"id":1,"method":"describe"}`,
	`{"id":1,"method":"HELLO","params":{"version":1,"token":"` + anaToken + `"}}`,
	`{"id":1}`,
}

// What is not answered, but may end the connection.
var notAnswered = []string{
	`{"method":"cancel","params":{"id":1}}`,
	`{"method":"bye","params":{}}`,
	`{"n":1,"method":"signal","params":{"info":{"sender":"own","event":"e"},"data":1}}`,
	`{"ack":0}`,
	`{"ack":7}`,
	`{"id":1,"status":0,"response":null}`,
	`{"refused":1,"status":-2}`,
	`{"n":1,"gap":{"listeners":[1],"count":1}}`,
	"\x84\x00\x00\x00\x0e\x00\x00\x00\x00\x00\x00\x00\x01\x03own\x01m",
	"\x81\x00\x00\x00\x0f\x00\x00\x00\x00\x00\x00\x00\x01\x03own\x01e1",
}

// S1: before login there is nothing but hello, on every carrier, and what is said of a
// failed login is the same whatever was wrong.
func TestNothingBeforeLogin(t *testing.T) {
	log := newLog()
	e := newEverywhere(t, router.ServerOptions{
		Options: router.Options{Logger: log.logger()},
		Login:   parseLogin(t, tokenLine("ana", anaToken, "")),
		Limits:  carrier.Limits{MaxLogins: 1000, MaxLoginFailures: 1000},
	})
	touched := make(chan string, 1000)
	_, err := e.srv.AddListener(sig.Any, sig.Any, func(ev sig.Event) { touched <- "event " + ev.Sender + "/" + ev.Name })
	require.NoError(t, err)
	own, err := e.srv.AddSender("own", sig.Events("e"), sig.AnswerRest(func(contextType, sig.Request) (any, error) {
		touched <- "request"
		return nil, nil
	}))
	require.NoError(t, err)
	require.Equal(t, "event own/#connect", <-touched)
	sg, err := own.Signal("e")
	require.NoError(t, err)

	for name, url := range e.urls {
		t.Run(name, func(t *testing.T) {
			for _, m := range notHello {
				c := dialRaw(t, e.schemes, url)
				r := c.ask(m)
				require.Equal(t, int(sig.StatusRefused), r.Status, m)
				require.Equal(t, "refused", r.Error.Code, m)
				require.Contains(t, r.Exception, "not logged in")
				require.Equal(t, r.Exception, c.ask(m).Exception, "again: %s", m)
			}
			for _, m := range notAnswered {
				c := dialRaw(t, e.schemes, url)
				if c.Send([]byte(m)) == nil && c.Send([]byte(`{"id":5,"method":"get_version"}`)) == nil {
					if frame, err := c.Recv(); err == nil {
						require.Contains(t, string(frame), `"status":-5`, m)
					}
				}
			}
			var words []string
			for _, token := range []string{"", "x", anaToken[:40], anaToken + "x", strings.ToUpper(anaToken), auth.Hash(anaToken)} {
				c := dialRaw(t, e.schemes, url)
				r := c.ask(helloWith(token))
				require.Equal(t, int(sig.StatusRefused), r.Status, token)
				words = append(words, r.Exception)
				c.closed()
			}
			for _, w := range words {
				require.Equal(t, words[0], w)
				require.NotContains(t, w, "ana")
			}
			c := dialRaw(t, e.schemes, url)
			require.Zero(t, c.ask(helloWith(anaToken)).Status)
			require.Equal(t, "ana", e.srv.Peers()[len(e.srv.Peers())-1].Identity)
			require.Zero(t, c.ask(`{"id":2,"method":"get_version"}`).Status)
		})
	}
	require.Empty(t, touched)
	require.NoError(t, sg.Trigger(1))
	require.Equal(t, "event own/e", <-touched)
	infos, err := e.srv.Senders(t.Context())
	require.NoError(t, err)
	for _, info := range infos {
		require.True(t, info.Name == nil || *info.Name == "own")
	}
	require.Contains(t, log.String(), "login failed")
	require.NotContains(t, log.String(), anaToken[:40])
	require.NotContains(t, e.srv.String()+fmt.Sprintf("%+v", e.srv.Peers()), anaToken)
}

// S14: before login messages are short and flat. S13: and must come soon.
func TestLimitsBeforeLogin(t *testing.T) {
	e := newEverywhere(t, router.ServerOptions{
		Login:  parseLogin(t, tokenLine("ana", anaToken, "")),
		Limits: carrier.Limits{LoginTimeout: 300 * time.Millisecond},
	})
	for name, url := range e.urls {
		t.Run(name, func(t *testing.T) {
			long := fmt.Sprintf(`{"id":1,"method":"hello","params":{"version":1,"token":%q,"x":%q}}`, anaToken, strings.Repeat("x", 4<<10))
			c := dialRaw(t, e.schemes, url)
			if c.Send([]byte(long)) == nil {
				if frame, err := c.Recv(); err == nil {
					require.Contains(t, string(frame), `"status":-6`)
					c.closed()
				}
			}
			c = dialRaw(t, e.schemes, url)
			deep := c.ask(`{"id":1,"method":"hello","params":{"version":1,"x":` + strings.Repeat("[", 9) + strings.Repeat("]", 9) + `}}`)
			require.Equal(t, int(sig.StatusLimit), deep.Status)
			require.Contains(t, deep.Exception, "MaxDepth")
			c.closed()

			c = dialRaw(t, e.schemes, url)
			start := time.Now()
			c.closed()
			require.Greater(t, time.Since(start), 250*time.Millisecond)
			require.Less(t, time.Since(start), 3*time.Second)

			c = dialRaw(t, e.schemes, url)
			require.Zero(t, c.ask(helloWith(anaToken)).Status)
			big := c.ask(fmt.Sprintf(`{"id":2,"method":"get_version","params":{"x":%q,"y":%s1%s}}`, strings.Repeat("x", 64<<10), strings.Repeat("[", 60), strings.Repeat("]", 60)))
			require.Zero(t, big.Status, "the wide limits apply after login")
		})
	}
}

// Whom the carrier knows need no token: users of this machine, holders of certificates.
func TestLoginByCarrier(t *testing.T) {
	dir := t.TempDir()
	ca := testcert.NewCA(t)
	cert, key := testcert.Files(t, ca.Server(t, testcert.Leaf{}))
	server := carrier.NewSchemes(unix.Scheme{}, tls.Scheme{CertFile: cert, KeyFile: key, ClientCAFile: ca.File(t)})
	lines := fmt.Sprintf("user %d op\ncertificate sig://plant/pump pump\nallow op any >\nallow pump add,trigger pump\n", os.Getuid())
	srv := router.ServerOptions{Schemes: server, Login: parseLogin(t, lines)}.New()
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	u, err := srv.Listen(t.Context(), "unix://"+filepath.Join(dir, "s"))
	require.NoError(t, err)
	l, err := srv.Listen(t.Context(), "tls://127.0.0.1:0")
	require.NoError(t, err)

	c := dialRaw(t, server, u.URL())
	require.Zero(t, c.ask(`{"id":1,"method":"add_sender","params":{"sender":"a","events":["e"]}}`).Status, "a classic peer")
	require.Equal(t, fmt.Sprintf("uid:%d", os.Getuid()), srv.Peers()[0].Identity)
	c = dialRaw(t, server, u.URL())
	require.Zero(t, c.ask(helloWith("")).Status)
	c = dialRaw(t, server, u.URL())
	require.Equal(t, int(sig.StatusRefused), c.ask(helloWith("wrong")).Status, "a wrong token is not made up for")
	c.closed()

	for name, want := range map[string]int{"sig://plant/pump": 0, "sig://plant/pump2": -5, "sig://plant/pum": -5} {
		cert, key := testcert.Files(t, ca.Client(t, testcert.Leaf{URIs: []string{name}}))
		c := dialRaw(t, carrier.NewSchemes(tls.Scheme{CertFile: cert, KeyFile: key, CAFile: ca.File(t)}), l.URL())
		require.Equal(t, want, c.ask(helloWith("")).Status, name)
		if want == 0 {
			require.Zero(t, c.ask(`{"id":2,"method":"add_sender","params":{"sender":"pump","events":["e"]}}`).Status)
			require.Equal(t, -5, c.ask(`{"id":3,"method":"add_sender","params":{"sender":"pump2","events":["e"]}}`).Status)
		}
	}

	// S18: another user of the machine.
	require.NoError(t, srv.Close())
	srv = router.ServerOptions{Schemes: server, Login: parseLogin(t, fmt.Sprintf("user %d\n", os.Getuid()+1))}.New()
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	u, err = srv.Listen(t.Context(), "unix://"+filepath.Join(dir, "s"))
	require.NoError(t, err)
	c = dialRaw(t, server, u.URL())
	require.Equal(t, int(sig.StatusRefused), c.ask(helloWith("")).Status)
}

func TestLoginOfAClient(t *testing.T) {
	s := newSite(t, router.ServerOptions{Login: parseLogin(t, tokenLine("ana", anaToken, "")+"anonymous guest\nallow guest listen x\nallow * request x\n")})
	who := make(chan *sig.Caller, 1)
	_, err := s.srv.AddSender("x", sig.Events("e"), sig.Answer("m", func(ctx contextType, _ sig.Request) (any, error) {
		c, _ := sig.CallerFrom(ctx)
		who <- c
		return nil, nil
	}))
	require.NoError(t, err)
	ana := s.dial(t, router.ClientOptions{Token: anaToken, Name: "an ana"})
	_, err = ana.RemoteRequest(t.Context(), "x", "m", nil)
	require.NoError(t, err)
	require.Equal(t, "ana", (<-who).Identity)
	guest := s.dial(t, router.ClientOptions{})
	_, err = guest.RemoteRequest(t.Context(), "x", "m", nil)
	require.NoError(t, err)
	require.Empty(t, (<-who).Identity)

	opts := router.ClientOptions{Token: "wrong", Schemes: s.schemes}
	_, err = opts.Dial(t.Context(), s.url)
	require.ErrorIs(t, err, sig.ErrRefused)
	require.ErrorContains(t, err, "not logged in")
	require.NotContains(t, err.Error(), "wrong")

	classic := dialPysig(t, s.hostport(t))
	require.NoError(t, classic.AddRemoteListener("x", "e", func(string, string, any) {}), "a classic peer is nobody in particular")
	require.Error(t, classic.AddRemoteSender("evil", []string{"e"}, nil))
}

// Failed logins are slowed down by address, others are not.
func TestFailedLoginsAreSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := local.NewNetwork()
		schemes := carrier.NewSchemes(network)
		srv := router.ServerOptions{Schemes: schemes, Login: parseLogin(t, tokenLine("ana", anaToken, "")), Limits: carrier.Limits{MaxLoginFailures: 2}}.New()
		defer srv.Close()
		_, err := srv.Listen(t.Context(), "local://x")
		require.NoError(t, err)
		try := func(token string) time.Duration {
			start := time.Now()
			c, err := schemes.Dial(t.Context(), "local://x")
			require.NoError(t, err)
			r := &rawPeer{t, c}
			want := int(sig.StatusRefused)
			if token == anaToken {
				want = 0
			}
			require.Equal(t, want, r.ask(helloWith(token)).Status)
			require.NoError(t, c.Close())
			return time.Since(start)
		}
		require.Zero(t, try("x"))
		require.Zero(t, try("x"))
		require.Equal(t, time.Second, try("x"))
		require.Equal(t, time.Second, try(""))
		require.Zero(t, try(anaToken))
		time.Sleep(time.Minute)
		require.Zero(t, try("x"), "a new minute")
	})
}

// A session belongs to who began it.
func TestResumeIsBoundToTheIdentity(t *testing.T) {
	s := newSite(t, router.ServerOptions{Login: parseLogin(t, tokenLine("ana", anaToken, "")+tokenLine("bob", bobToken, ""))})
	a := dialRaw(t, s.schemes, s.url)
	var hello struct{ Session, Epoch string }
	require.NoError(t, json.Unmarshal(a.ask(helloWith(anaToken)).Response, &hello))
	require.Zero(t, a.ask(`{"id":2,"method":"add_listener","params":{}}`).Status)
	resume := func(token string) bool {
		c := dialRaw(t, s.schemes, s.url)
		r := c.ask(fmt.Sprintf(`{"id":1,"method":"hello","params":{"version":1,"token":%q,"resume":{"session":%q,"epoch":%q,"last":0}}}`, token, hello.Session, hello.Epoch))
		var out struct{ Resumed bool }
		if r.Status == 0 {
			require.NoError(t, json.Unmarshal(r.Response, &out))
		}
		return out.Resumed
	}
	require.False(t, resume(bobToken))
	require.False(t, resume("wrong"))
	require.Zero(t, a.ask(`{"id":3,"method":"ping"}`).Status, "who tried has done no harm")
	require.True(t, resume(anaToken))
	a.closed()
}

// logs keeps what is logged.
type logs struct {
	mu  sync.Mutex
	buf strings.Builder
}

func newLog() *logs { return &logs{} }

func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
