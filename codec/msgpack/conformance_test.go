package msgpack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/carrier/serial"
	"github.com/sigrouter/sigrouter/carrier/stdio"
	"github.com/sigrouter/sigrouter/carrier/tls"
	"github.com/sigrouter/sigrouter/carrier/ws"
	"github.com/sigrouter/sigrouter/internal/needs"
	"github.com/sigrouter/sigrouter/internal/testcert"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// relayVar makes the test's own program a child that joins its standard input and output
// to a socket.
const relayVar = "SIG_MSGPACK_TEST_RELAY"

func TestMain(m *testing.M) {
	if path := os.Getenv(relayVar); path != "" {
		relay(path)
		return
	}
	goleak.VerifyTestMain(m)
}

func relay(path string) {
	c, err := net.Dial("unix", path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	done := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(c, os.Stdin); done <- struct{}{} }()
	go func() { _, _ = io.Copy(os.Stdout, c); done <- struct{}{} }()
	<-done
	_ = c.Close()
}

// patience is how long anything may take before a test counts it as stuck.
const patience = 20 * time.Second

// kinds are how a client may speak.
var kinds = []struct {
	name            string
	codecs          carrier.Codecs
	textOnly        bool
	codec, envelope string
}{
	{"msgpack", sigrouter.Codecs(), false, "msgpack", "frame"},
	{"json in frames", nil, false, "json", "frame"},
	{"json", nil, true, "json", "json"},
	{"msgpack wanted, but text", sigrouter.Codecs(), true, "json", "json"},
}

// A hub is a server that every carrier reaches.
type hub struct {
	*router.ServerRouter
	schemes carrier.Schemes
	network *local.Network
	urls    map[string]string // by the name of the carrier
}

func newHub(t *testing.T) *hub {
	ca := testcert.NewCA(t)
	cert, key := testcert.Files(t, ca.Server(t, testcert.Leaf{Name: "localhost", Hosts: []string{"127.0.0.1"}}))
	h := &hub{network: local.NewNetwork(), schemes: sigrouter.Schemes(), urls: map[string]string{}}
	for name, s := range carrier.NewSchemes(h.network,
		tls.Scheme{CertFile: cert, KeyFile: key, CAFile: ca.File(t)},
		ws.Scheme{CertFile: cert, KeyFile: key, CAFile: ca.File(t)}) {
		h.schemes[name] = s
	}
	h.ServerRouter = router.ServerOptions{Schemes: h.schemes, Codecs: sigrouter.Codecs()}.New()
	t.Cleanup(func() { _ = h.Close() })
	socket := filepath.Join(t.TempDir(), "sock")
	for name, url := range map[string]string{
		"local": "local://hub", "tcp": "tcp://127.0.0.1:0", "tls": "tls://127.0.0.1:0", "unix": "unix://" + socket,
		"ws": "ws://127.0.0.1:0/", "wss": "wss://127.0.0.1:0/",
	} {
		l, err := h.Listen(t.Context(), url)
		require.NoError(t, err)
		h.urls[name] = l.URL()
	}
	self, err := os.Executable()
	require.NoError(t, err)
	h.schemes["serial"] = serial.Scheme{Log: slog.New(slog.DiscardHandler)}
	h.schemes["exec"] = stdio.Scheme{Log: slog.New(slog.DiscardHandler), Env: append(os.Environ(), relayVar+"="+socket)}
	h.urls["stdio"] = "exec:" + self
	for _, framing := range []string{"cobs", "lines"} {
		here, there := needs.Cable(t, nil)
		_, err := h.Listen(t.Context(), "serial://"+here+"?frame="+framing)
		require.NoError(t, err)
		h.urls["serial "+framing] = "serial://" + there + "?frame=" + framing
	}
	return h
}

// dial connects a client of a kind by a carrier.
func (h *hub) dial(t *testing.T, name, via string, kind int) *router.ClientRouter {
	k := kinds[kind]
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := router.ClientOptions{Name: name, Schemes: h.schemes, Codecs: k.codecs, TextOnly: k.textOnly}.Dial(ctx, h.urls[via])
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// A party is a bus with a sender "name" that has the events "tic" and, retained, "kept",
// and answers "echo" and "fail".
type party struct {
	name string
	bus  sig.Bus
	tic  sig.Signal
	kept sig.Signal
	got  chan any // what its handlers were called with
}

func newParty(t *testing.T, name string, bus sig.Bus) *party {
	p := &party{name: name, bus: bus, got: make(chan any, 1)}
	s, err := bus.AddSender(name, sig.Events("tic"), sig.Retain("kept"),
		sig.Answer("echo", func(_ context.Context, r sig.Request) (any, error) {
			p.got <- r.Params
			return r.Params, nil
		}),
		sig.Answer("fail", func(_ context.Context, r sig.Request) (any, error) {
			return nil, &sig.Error{Status: sig.StatusFailed, Code: "broken", Message: "no", Data: r.Params}
		}))
	require.NoError(t, err)
	p.tic, err = s.Signal("tic")
	require.NoError(t, err)
	p.kept, err = s.Signal("kept")
	require.NoError(t, err)
	return p
}

// hear collects the data of the events of a sender.
func (p *party) hear(t *testing.T, sender, event string) <-chan any {
	got := make(chan any, 1000)
	sub, err := p.bus.AddListener(sender, event, func(e sig.Event) { got <- e.Data })
	require.NoError(t, err)
	t.Cleanup(sub.Remove)
	return got
}

func receive(t *testing.T, what string, got <-chan any) any {
	t.Helper()
	select {
	case v := <-got:
		return v
	case <-time.After(patience):
		t.Fatalf("%s: nothing came", what)
		return nil
	}
}

// arrived wants a payload to be read as the JSON of v is, into a variable of v's type, and
// into others.
func arrived(t *testing.T, what string, v, payload any) {
	t.Helper()
	text, err := sig.JSON{}.Marshal(v)
	require.NoError(t, err, what)
	types := []reflect.Type{reflect.TypeFor[any](), reflect.TypeFor[[]byte]()}
	if v != nil {
		types = append(types, reflect.TypeOf(v))
	}
	for _, typ := range types {
		want, got := reflect.New(typ), reflect.New(typ)
		wantErr, gotErr := sig.JSON{}.Unmarshal(text, want.Interface()), sig.Decode(payload, got.Interface())
		require.Equal(t, wantErr == nil, gotErr == nil, "%s as %v: %v, want %v", what, typ, gotErr, wantErr)
		if wantErr == nil && !equal(want.Elem().Interface(), got.Elem().Interface()) {
			require.Failf(t, "not the same", "%s as %v: got %.200s, want %.200s", what, typ, fmt.Sprintf("%#v", got.Elem()), fmt.Sprintf("%#v", want.Elem()))
		}
	}
}

// sent are the values that travel. On serial lines the long ones would take long.
func sent(long bool) (names []string, all map[string]any) {
	all = values()
	if long {
		all["long"] = map[string]any{"bytes": make([]byte, 10_000), "text": strings.Repeat("ü", 5000)}
	}
	for name, v := range all {
		if text, err := (sig.JSON{}).Marshal(v); err != nil || len(text) > 50_000 {
			delete(all, name)
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, all
}

// TestConformance sends every value by every carrier, in every codec and envelope, as an
// event in both directions, as params, as a response, as a retained value and as the data
// of an error, to and from peers of every codec and envelope, and wants the same to arrive.
func TestConformance(t *testing.T) {
	h := newHub(t)
	far := []*party{newParty(t, "server", h.Router)}
	for i, k := range kinds[:3] {
		far = append(far, newParty(t, "far-"+fmt.Sprint(i), h.dial(t, "far-"+fmt.Sprint(i), "local", i).Remote()))
		requirePeer(t, h, "far-"+fmt.Sprint(i), k.codec, k.envelope)
	}
	classic := newClassic(t, h)
	vias := make([]string, 0, len(h.urls))
	for via := range h.urls {
		vias = append(vias, via)
	}
	slices.Sort(vias)
	for _, via := range vias {
		for kind, k := range kinds {
			t.Run(via+"/"+k.name, func(t *testing.T) {
				name := fmt.Sprintf("near-%s-%d", strings.ReplaceAll(via, " ", "-"), kind)
				c := h.dial(t, name, via, kind)
				codec, envelope := k.codec, k.envelope
				if via == "serial lines" {
					codec, envelope = "json", "json"
				}
				requirePeer(t, h, name, codec, envelope)
				near := newParty(t, strings.Replace(name, "-", ".", 1), c.Remote())
				exchange(t, near, far, classic, !strings.HasPrefix(via, "serial"))
			})
		}
	}
}

// requirePeer wants a peer to be shown with its codec and envelope.
func requirePeer(t *testing.T, h *hub, name, codec, envelope string) {
	t.Helper()
	peers := h.Peers()
	i := slices.IndexFunc(peers, func(p router.PeerInfo) bool { return p.Name == name })
	require.GreaterOrEqual(t, i, 0, "%s is no peer", name)
	require.Equal(t, codec+" "+envelope, peers[i].Codec+" "+peers[i].Envelope)
}

func exchange(t *testing.T, near *party, far []*party, classic *classicPeer, long bool) {
	names, all := sent(long)
	events(t, near, far, classic, names, all)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, name := range names {
		v := all[name]
		for _, p := range far {
			for _, pair := range [][2]*party{{near, p}, {p, near}} {
				ask(ctx, t, name, v, pair[0], pair[1])
			}
		}
	}
	retained(t, near, far, names, all)
}

// ask sends v as params, and wants it back as a response and in an error.
func ask(ctx context.Context, t *testing.T, name string, v any, from, to *party) {
	t.Helper()
	what := fmt.Sprintf("%s from %s to %s, ", name, from.name, to.name)
	resp, err := from.bus.Request(ctx, to.name, "echo", v)
	require.NoError(t, err, what)
	arrived(t, what+"params", v, receive(t, what, to.got))
	arrived(t, what+"response", v, resp.Data)
	_, err = from.bus.Request(ctx, to.name, "fail", v)
	var e *sig.Error
	require.ErrorAs(t, err, &e, what)
	require.Equal(t, "broken", e.Code, what)
	arrived(t, what+"data of the error", v, e.Data)
}

// events sends the values as events from near to all, and from each to near.
func events(t *testing.T, near *party, far []*party, classic *classicPeer, names []string, all map[string]any) {
	var heard []<-chan any
	for _, p := range far {
		heard = append(heard, p.hear(t, near.name, "tic"))
	}
	for _, name := range names {
		require.NoError(t, near.tic.Trigger(all[name]), name)
	}
	for i, p := range far {
		for _, name := range names {
			what := fmt.Sprintf("%s as an event from near to %s", name, p.name)
			arrived(t, what, all[name], receive(t, what, heard[i]))
		}
	}
	for _, name := range names {
		if text, err := (sig.JSON{}).Marshal(all[name]); err == nil && len(text) < 3000 {
			classic.arrived(t, name, all[name])
		}
	}
	for _, p := range far {
		got := near.hear(t, p.name, "tic")
		for _, name := range names {
			require.NoError(t, p.tic.Trigger(all[name]), name)
		}
		for _, name := range names {
			what := fmt.Sprintf("%s as an event from %s to near", name, p.name)
			arrived(t, what, all[name], receive(t, what, got))
		}
	}
}

// retained keeps each value, for a listener that comes later.
func retained(t *testing.T, near *party, far []*party, names []string, all map[string]any) {
	for i, name := range names {
		p := far[i%len(far)]
		for _, pair := range [][2]*party{{near, p}, {p, near}} {
			from, to := pair[0], pair[1]
			kept := make(chan any, 1)
			first, err := far[0].bus.AddListener(from.name, "kept", func(e sig.Event) { kept <- nil }, sig.SkipRetained())
			require.NoError(t, err)
			require.NoError(t, from.kept.Trigger(all[name]))
			receive(t, "kept", kept)
			first.Remove()
			what := fmt.Sprintf("%s, retained, from %s to %s", name, from.name, to.name)
			got := make(chan any, 1)
			sub, err := to.bus.AddListener(from.name, "kept", func(e sig.Event) { got <- e.Data })
			require.NoError(t, err)
			arrived(t, what, all[name], receive(t, what, got))
			sub.Remove()
		}
	}
}

// A classicPeer hears the events of near as an existing pysig program would.
type classicPeer struct {
	conn net.Conn
	dec  *json.Decoder
}

func newClassic(t *testing.T, h *hub) *classicPeer {
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.urls["tcp"], "tcp://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	c := &classicPeer{conn, json.NewDecoder(conn)}
	_, err = io.WriteString(conn, `{"id":1,"method":"add_listener","params":{"sender":"near.>","event":"tic"}}`+"\n")
	require.NoError(t, err)
	var reply struct{ Status int }
	require.NoError(t, c.dec.Decode(&reply))
	require.Zero(t, reply.Status)
	return c
}

func (c *classicPeer) arrived(t *testing.T, name string, v any) {
	t.Helper()
	require.NoError(t, c.conn.SetReadDeadline(time.Now().Add(patience)))
	for {
		var call struct {
			ID     json.RawMessage
			Method string
			Params struct{ Data json.RawMessage }
		}
		require.NoError(t, c.dec.Decode(&call))
		_, err := fmt.Fprintf(c.conn, `{"id":%s,"status":0,"response":null}`+"\n", call.ID)
		require.NoError(t, err)
		if len(call.Params.Data) >= 3000 {
			continue // one of the long values
		}
		arrived(t, name+" to a classic peer", v, &sig.Raw{Codec: sig.JSON{}, Bytes: call.Params.Data})
		return
	}
}
