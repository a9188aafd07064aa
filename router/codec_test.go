package router_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/codec/msgpack"
	"github.com/sigrouter/sigrouter/internal/wire/wiretest"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

func codecs() carrier.Codecs { return carrier.Codecs{msgpack.New()} }

func signalAt(t *testing.T, c *router.ClientRouter, sender, event string) sig.Signal {
	t.Helper()
	s, err := c.AddRemoteSender(t.Context(), sender, sig.Events(event))
	require.NoError(t, err)
	sg, err := s.Signal(event)
	require.NoError(t, err)
	return sg
}

// TestCodecShown: what is inspected is JSON, whatever travelled, and what is cut short is
// the beginning of it.
func TestCodecShown(t *testing.T) {
	for _, remote := range []bool{true, false} { // by the fast way, and by listeners here
		s := newSite(t, router.ServerOptions{Codecs: codecs()})
		s.srv.Inspect()
		a, b := s.dial(t, router.ClientOptions{Name: "a", Codecs: codecs()}), s.dial(t, router.ClientOptions{Name: "b"})
		tic := signalAt(t, a, "timer", "tic")
		got := newCollect()
		var err error
		if remote {
			_, err = b.AddRemoteListener(t.Context(), "timer", "tic", got.listen)
		} else {
			_, err = s.srv.AddListener("timer", "tic", got.listen)
		}
		require.NoError(t, err)
		tail, err := sig.Ask[router.TailPart](t.Context(), s.srv, router.Inspector, "tail", map[string]any{"id": "x", "sender": "timer", "event": "tic", "most": 500})
		require.NoError(t, err)
		require.Empty(t, tail.Events)
		large := strings.Repeat("y", 100_000)
		for i := range 100 {
			require.NoError(t, tic.Trigger([]any{i, []byte{1, 2, 3}, 1.5}))
		}
		require.NoError(t, tic.Trigger([]any{large}))
		for range 101 {
			got.next(t)
		}
		snap := until(t, s.srv, func(s router.Snapshot) bool { return signalIn(s, "timer", "tic").Count == 101 })
		last := signalIn(snap, "timer", "tic").Last
		require.True(t, strings.HasPrefix(last.Data, `["yyyyyy`), last.Data[:20])
		require.Equal(t, len(large)+4, last.Size)
		require.Equal(t, "msgpack", snap.Peers[0].Codec)
		require.Equal(t, "frame", snap.Peers[0].Envelope)
		require.Equal(t, "json", snap.Peers[1].Codec)
		tail, err = sig.Ask[router.TailPart](t.Context(), s.srv, router.Inspector, "tail", map[string]any{"id": "x", "sender": "timer", "event": "tic", "most": 500})
		require.NoError(t, err)
		require.Equal(t, `[0,"AQID",1.5]`, tail.Events[0].Data)
		require.True(t, strings.HasPrefix(tail.Events[len(tail.Events)-1].Data, `["yyy`))
	}
}

// TestCodecLongAsJSON: what would be longer than a message as JSON is refused, though it is
// short as MessagePack, and nobody but its sender notices.
func TestCodecLongAsJSON(t *testing.T) {
	s := newSite(t, router.ServerOptions{Codecs: codecs()})
	a, b := s.dial(t, router.ClientOptions{Codecs: codecs()}), s.dial(t, router.ClientOptions{TextOnly: true})
	tic := signalAt(t, a, "timer", "tic")
	got := newCollect()
	_, err := b.AddRemoteListener(t.Context(), "timer", "tic", got.listen)
	require.NoError(t, err)
	err = tic.Trigger(make([]any, 300_000))
	require.ErrorIs(t, err, sig.ErrLimit)
	require.ErrorContains(t, err, "as JSON")
	require.ErrorContains(t, err, "MaxMessage")
	require.NoError(t, tic.Trigger("next"))
	require.Equal(t, "next", got.data(t))

	// A client that does not check.
	nils := "dd000493e0" + strings.Repeat("c0", 300_000)
	frame := func(text string) *wiretest.Frame {
		return &wiretest.Frame{Kind: "signal_up", N: json.RawMessage("1"), Sender: "raw", Event: "tic", Hex: &text}
	}
	wiretest.Play(t, wiretest.Session{Steps: []wiretest.Step{
		{On: "c", Send: `{"id":1,"method":"hello","params":{"version":1,"envelope":"frame","codecs":["msgpack"]}}`},
		{On: "c", Expect: json.RawMessage(`{"id":1,"response":{"codec":"msgpack"}}`)},
		{On: "c", Send: `{"id":2,"method":"add_sender","params":{"sender":"raw","events":["tic"]}}`},
		{On: "c", Expect: json.RawMessage(`{"id":2,"status":0}`)},
		{On: "c", SendBinary: frame(nils)},
		{On: "c", Expect: json.RawMessage(`{"refused":1,"status":-6,"exception":"$~MaxMessage"}`)},
		{On: "c", Send: `{"id":3,"method":"ping"}`},
		{On: "c", Expect: json.RawMessage(`{"id":3,"status":0}`)},
	}}, func() (io.ReadWriteCloser, error) { return net.Dial("tcp", strings.TrimPrefix(s.url, "tcp://")) })
	require.Positive(t, s.srv.Stats().Passed["MaxMessage"])
	require.True(t, b.Connected())
}

// TestCodecChangesOnResume: a session goes on with another codec, and with none.
func TestCodecChangesOnResume(t *testing.T) {
	s := newSite(t, router.ServerOptions{Codecs: codecs()})
	hello := func(on, envelope, codecs, resume string) []wiretest.Step {
		return []wiretest.Step{
			{On: on, Send: `{"id":1,"method":"hello","params":{"version":1,"envelope":"` + envelope + `","codecs":[` + codecs + `]` + resume + `}}`},
			{On: on, Expect: json.RawMessage(`{"id":1,"status":0,"response":{"session":"$s","epoch":"$e"}}`)},
		}
	}
	const resume = `,"resume":{"session":"$s","epoch":"$e","last":0}`
	data := "93 01 c403010203 cb3ff8000000000000"
	data = strings.ReplaceAll(data, " ", "")
	listens := []wiretest.Step{
		{On: "b1", Send: `{"id":2,"method":"add_listener","params":{"sender":"timer","event":"tic"}}`},
		{On: "b1", Expect: json.RawMessage(`{"id":2,"response":{"listener_id":"$l"}}`)},
		{On: "b1", Close: true},
		{On: "a", Send: `{"id":1,"method":"hello","params":{"version":1,"envelope":"frame","codecs":["msgpack"]}}`},
		{On: "a", Expect: json.RawMessage(`{"id":1,"response":{"codec":"msgpack"}}`)},
		{On: "a", Send: `{"id":2,"method":"add_sender","params":{"sender":"timer","events":["tic"]}}`},
		{On: "a", Expect: json.RawMessage(`{"id":2,"status":0}`)},
		{On: "a", SendBinary: &wiretest.Frame{Kind: "signal_up", N: json.RawMessage("1"), Sender: "timer", Event: "tic", Hex: &data}},
		{On: "a", Acked: 1},
	}
	steps := append(hello("b1", "frame", `"msgpack"`, ""), listens...)
	steps = append(steps, hello("b2", "json", `"json"`, resume)...)
	steps = append(steps,
		wiretest.Step{On: "b2", Expect: json.RawMessage(`{"n":1,"params":{"listeners":["$l"],"data":[1,"AQID",1.5]}}`)},
		wiretest.Step{On: "b2", Close: true})
	steps = append(steps, hello("b3", "frame", `"json"`, resume)...)
	steps = append(steps,
		wiretest.Step{On: "b3", ExpectBinary: &wiretest.Frame{Kind: "signal_down", N: json.RawMessage("1"), Listeners: json.RawMessage(`["$l"]`), Sender: "timer", Event: "tic", Data: json.RawMessage(`[1,"AQID",1.5]`)}},
		wiretest.Step{On: "b3", Close: true})
	steps = append(steps, hello("b4", "frame", `"msgpack"`, resume)...)
	steps = append(steps,
		wiretest.Step{On: "b4", ExpectBinary: &wiretest.Frame{Kind: "signal_down", N: json.RawMessage("1"), Listeners: json.RawMessage(`["$l"]`), Sender: "timer", Event: "tic", Hex: &data}})
	wiretest.Play(t, wiretest.Session{Steps: steps}, func() (io.ReadWriteCloser, error) {
		return net.Dial("tcp", strings.TrimPrefix(s.url, "tcp://"))
	})
}

// TestCodecNotOffered: a server that chooses a codec it was not offered is not understood.
func TestCodecNotOffered(t *testing.T) {
	here, there := local.Pair()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := there.Recv(); err == nil {
			_ = there.Send([]byte(`{"id":1,"status":0,"response":{"version":1,"envelope":"frame","codec":"morse"}}`))
		}
	}()
	_, err := router.ClientOptions{Codecs: codecs()}.Attach(t.Context(), here)
	require.ErrorIs(t, err, sig.ErrMalformed)
	require.ErrorContains(t, err, `"morse", which it was not offered`)
	<-done
	_ = there.Close()
}

// TestCodecOfTheServersOwn: what this process triggers reaches peers of each kind, and a
// broken payload none.
func TestCodecOfTheServersOwn(t *testing.T) {
	s := newSite(t, router.ServerOptions{Codecs: codecs()})
	mp := msgpack.New()
	var heard []collect
	for _, o := range []router.ClientOptions{{Codecs: codecs()}, {}, {TextOnly: true}} {
		got := newCollect()
		_, err := s.dial(t, o).AddRemoteListener(t.Context(), "clock", "tic", got.listen)
		require.NoError(t, err)
		heard = append(heard, got)
	}
	clock, err := s.srv.AddSender("clock", sig.Events("tic"), sig.Answer("get", func(context.Context, sig.Request) (any, error) {
		return &sig.Raw{Codec: mp, Bytes: []byte{0x92, 1, 0xc0}}, nil
	}))
	require.NoError(t, err)
	tic, err := clock.Signal("tic")
	require.NoError(t, err)
	data, err := hex.DecodeString("81a16e03")
	require.NoError(t, err)
	err = tic.Trigger(&sig.Raw{Codec: mp, Bytes: []byte{0x81, 0xc1}})
	require.ErrorIs(t, err, sig.ErrMalformed)
	for _, v := range []any{&sig.Raw{Codec: mp, Bytes: data}, map[string]int{"n": 3}, json.RawMessage(`{"n":3}`)} {
		require.NoError(t, tic.Trigger(v))
		for i, got := range heard {
			require.Equal(t, map[string]any{"n": int64(3)}, got.data(t), "%T, listener %d", v, i)
		}
	}
	for _, o := range []router.ClientOptions{{Codecs: codecs()}, {}, {TextOnly: true}} {
		resp, err := s.dial(t, o).RemoteRequest(t.Context(), "clock", "get", nil)
		require.NoError(t, err)
		v, err := sig.As[any](resp.Data)
		require.NoError(t, err)
		require.Equal(t, []any{int64(1), nil}, v)
	}
}

// TestCodecAcrossReconnect: what was triggered while there is no connection is encoded for
// the server that comes.
func TestCodecAcrossReconnect(t *testing.T) {
	network := local.NewNetwork()
	schemes := carrier.NewSchemes(network)
	start := func(c carrier.Codecs) *router.ServerRouter {
		srv := router.ServerOptions{Schemes: schemes, Codecs: c}.New()
		_, err := srv.Listen(t.Context(), "local://here")
		require.NoError(t, err)
		return srv
	}
	states := make(chan router.State, 100)
	srv := start(codecs())
	c, err := router.ClientOptions{
		Schemes: schemes, Codecs: codecs(), MaxBackoff: 10 * time.Millisecond,
		OnState: func(s router.State) { states <- s },
	}.Dial(t.Context(), "local://here")
	require.NoError(t, err)
	defer c.Close()
	require.True(t, (<-states).Connected)
	tic := signalAt(t, c, "timer", "tic")
	for _, next := range []carrier.Codecs{nil, codecs()} {
		require.NoError(t, srv.Close())
		require.False(t, (<-states).Connected)
		require.NoError(t, tic.Trigger([]any{[]byte{1, 2, 3}, uint64(1<<64 - 1)}))
		srv = start(next)
		got := newCollect()
		_, err := srv.AddListener("timer", "tic", got.listen)
		require.NoError(t, err)
		require.True(t, (<-states).Connected)
		e := got.next(t)
		require.Equal(t, carrier.Codecs(next).Names()[0], e.Data.(*sig.Raw).Codec.Name())
		v, err := sig.As[any](e.Data)
		require.NoError(t, err)
		require.Equal(t, []any{"AQID", uint64(1<<64 - 1)}, v)
	}
	require.NoError(t, srv.Close())
}
