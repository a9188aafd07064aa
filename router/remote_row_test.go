package router_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/ws"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// By WebSocket many binary frames travel in one message, which is no longer than the
// client takes. An event that is longer is dropped, and the client told so in its place.
func TestWebSocketRows(t *testing.T) {
	const most, events, window = 2000, 3000, 100 // of what waits for an acknowledgement all goes out at once
	srv := router.ServerOptions{Schemes: carrier.NewSchemes(ws.Scheme{})}.New()
	defer srv.Close()
	l, err := srv.Listen(t.Context(), "ws://127.0.0.1:0/sig")
	require.NoError(t, err)
	snd, err := srv.AddSender("s", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)

	c, _, err := websocket.DefaultDialer.Dial(l.URL(), nil)
	require.NoError(t, err)
	defer c.Close()
	say := func(text string) {
		require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(text)))
		_, reply, err := c.ReadMessage()
		require.NoError(t, err)
		require.Contains(t, string(reply), `"status":0`)
	}
	say(fmt.Sprintf(`{"id":1,"method":"hello","params":{"version":1,"envelope":"frame","max_message":%d,"window":%d}}`, most, window))
	say(`{"id":2,"method":"add_listener","params":{"sender":"s","event":"e"}}`)
	long := strings.Repeat("x", 3*most)
	for i := range events {
		data := any(i)
		if i == events/2 {
			data = long
		}
		require.NoError(t, e.Trigger(data))
	}
	messages := 0
	for n, acked := uint64(0), uint64(0); n < events; messages++ {
		if n == acked+window {
			acked = n
			require.NoError(t, c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"ack":%d}`, n)))
		}
		kind, row, err := c.ReadMessage()
		require.NoError(t, err)
		require.LessOrEqual(t, len(row), most)
		if kind == websocket.TextMessage {
			n++
			require.JSONEq(t, fmt.Sprintf(`{"n":%d,"gap":{"listeners":[1],"sender":"s","event":"e","count":1}}`, n), string(row))
			require.Equal(t, uint64(events/2+1), n)
			continue
		}
		for rest := row; len(rest) > 0; {
			require.Equal(t, byte(0x82), rest[0])
			size := 5 + int(binary.BigEndian.Uint32(rest[1:]))
			n++
			require.Equal(t, n, binary.BigEndian.Uint64(rest[5:]), "numbers follow one another")
			rest = rest[size:]
		}
	}
	require.Less(t, messages, events/10)
}
