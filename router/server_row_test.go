package router_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// What a client said in one breath arrives in the order in which it said it: events of
// several signals, more of one than a row has, and calls between.
func TestRowsKeepOrder(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	c := dialRaw(t, s.schemes, s.url)
	require.Zero(t, c.ask(helloWith("")).Status)
	require.Zero(t, c.ask(`{"id":2,"method":"add_sender","params":{"sender":"s","events":["a","b"]}}`).Status)
	heard := newCollect()
	_, err := s.dial(t, router.ClientOptions{}).AddRemoteListener(t.Context(), "s", sig.Any, heard.listen)
	require.NoError(t, err)

	var said bytes.Buffer
	const n = 1000
	for i := range n {
		event := "a"
		if i%7 == 0 || i > n/2 && i < n*3/4 {
			event = "b"
		}
		fmt.Fprintf(&said, `{"n":%d,"method":"signal","params":{"info":{"sender":"s","event":%q},"data":%d}}`, i+1, event, i)
		if i%100 == 50 {
			fmt.Fprintf(&said, `{"id":%d,"method":"get_version"}`, 1000+i)
		}
	}
	require.NoError(t, c.Send(said.Bytes()))
	for i := range n {
		var got int
		require.NoError(t, heard.next(t).Decode(&got))
		require.Equal(t, i, got)
	}
}
