package router_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// Whoever wrote it, over several lines: a client that reads JSON, a message a line, gets it.
func TestPayloadsOfSeveralLines(t *testing.T) {
	pretty := &sig.Raw{Codec: sig.JSON{}, Bytes: []byte("{\"a\":{\"b\":{}}\n,\"c\":[\r\n1,\n2]}")} // a line ends as a message does
	s := newSite(t, router.ServerOptions{})
	answer := sig.Answer("m", func(context.Context, sig.Request) (any, error) { return pretty, nil })
	own, err := s.srv.AddSender("own", answer, sig.Events("e"))
	require.NoError(t, err)
	framed := s.dial(t, router.ClientOptions{})
	far, err := framed.AddRemoteSender(t.Context(), "far", answer, sig.Events("e"))
	require.NoError(t, err)

	lines := s.dial(t, router.ClientOptions{TextOnly: true})
	events := newCollect()
	_, err = lines.AddRemoteSender(t.Context(), "asked", sig.Answer("m", func(_ context.Context, r sig.Request) (any, error) { return r.Params, nil }))
	require.NoError(t, err)
	for _, sender := range []sig.Sender{own, far} {
		_, err = lines.AddRemoteListener(t.Context(), sender.Name(), "e", events.listen)
		require.NoError(t, err)
	}
	for range 3 { // what comes behind it is understood, too
		for _, sender := range []sig.Sender{own, far} {
			event, err := sender.Signal("e")
			require.NoError(t, err)
			require.NoError(t, event.Trigger(pretty))
			requirePretty(t, events.next(t).Data)
			r, err := lines.RemoteRequest(t.Context(), sender.Name(), "m", nil)
			require.NoError(t, err)
			requirePretty(t, r.Data)
		}
		r, err := framed.RemoteRequest(t.Context(), "asked", "m", pretty)
		require.NoError(t, err)
		requirePretty(t, r.Data)
	}
}

func requirePretty(t *testing.T, data any) {
	t.Helper()
	require.JSONEq(t, `{"a":{"b":{}},"c":[1,2]}`, string(data.(*sig.Raw).Bytes))
}
