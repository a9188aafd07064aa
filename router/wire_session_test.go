package router_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/codec/msgpack"
	"github.com/sigrouter/sigrouter/internal/wire/wiretest"
	"github.com/sigrouter/sigrouter/router"
)

// TestWireSessions plays the conversations of testdata/wire, which clients in other
// languages can play too.
func TestWireSessions(t *testing.T) {
	sessions, err := wiretest.Load("../testdata/wire/session.json")
	require.NoError(t, err)
	for _, session := range sessions {
		t.Run(session.Lane+"/"+session.Name, func(t *testing.T) {
			s := newSite(t, router.ServerOptions{Codecs: carrier.Codecs{msgpack.New()}})
			addr := strings.TrimPrefix(s.url, "tcp://")
			wiretest.Play(t, session, func() (io.ReadWriteCloser, error) { return net.Dial("tcp", addr) })
		})
	}
}
