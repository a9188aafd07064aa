package ws

import (
	"bytes"
	"crypto/tls"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/testcert"
)

// secure returns the schemes of a server and of a client that trusts it and has a
// certificate.
func secure(t testing.TB, leaf testcert.Leaf) (server, client Scheme) {
	ca := testcert.NewCA(t)
	server.CertFile, server.KeyFile = testcert.Files(t, ca.Server(t, testcert.Leaf{}))
	server.ClientCAFile = ca.File(t)
	client.CertFile, client.KeyFile = testcert.Files(t, ca.Client(t, leaf))
	client.CAFile = server.ClientCAFile
	return server, client
}

func TestWSS(t *testing.T) {
	server, client := secure(t, testcert.Leaf{Name: "bob", URIs: []string{"sig://plant/bob"}})
	l := listen(t, server, "wss://127.0.0.1:0/sig")
	require.Regexp(t, `^wss://`, l.URL())
	c := dial(t, client, l.URL())
	s, err := l.Accept()
	require.NoError(t, err)
	info := s.(carrier.Describer).Info()
	require.Equal(t, "wss", info.Carrier)
	require.Equal(t, "sig://plant/bob", info.Identity)
	for _, end := range []carrier.Conn{c, s} {
		_, ok := end.(carrier.TrySender)
		require.False(t, ok, "a TLS connection cannot write without blocking")
	}

	// A whole conversation, with a ping in it, and the proper end.
	var wg sync.WaitGroup
	defer wg.Wait()
	ended := make(chan error, 1)
	wg.Go(func() { ended <- echoConn(s) })
	b := c.(carrier.BatchSender)
	var buf []byte
	for range 100 {
		buf = b.AppendFrame(buf, []byte("{"), bytes.Repeat([]byte("x"), 1000))
	}
	require.NoError(t, b.SendBatch(append(buf, appendFrame(nil, 0x9, true, nil, nil)...)))
	for range 100 {
		frame, err := c.Recv()
		require.NoError(t, err)
		require.Len(t, frame, 1001)
	}
	require.NoError(t, c.(carrier.ReasonCloser).CloseReason(1001, "done"))
	err = <-ended
	closed, ok := errors.AsType[*CloseError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, CloseError{1001, "done"}, *closed)
}

func TestWSSRefused(t *testing.T) {
	server, client := secure(t, testcert.Leaf{Name: "bob"})
	l := listen(t, server, "wss://127.0.0.1:0/")
	bare := client
	bare.CertFile, bare.KeyFile = "", ""
	stranger := client
	stranger.CAFile = testcert.NewCA(t).File(t)
	named := client
	named.ServerName = "other.example.com"
	for _, c := range []struct {
		name string
		s    Scheme
		says string
	}{
		{"no certificate", bare, "wants a certificate"},
		{"other authority", stranger, "not trusted"},
		{"other name", named, "another name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.s.Dial(t.Context(), mustURL(t, l.URL()))
			require.ErrorContains(t, err, c.says)
		})
	}
	_, err := client.Dial(t.Context(), mustURL(t, "wss"+listen(t, Scheme{}, "ws://127.0.0.1:0/").URL()[2:]))
	require.ErrorContains(t, err, "does not speak TLS")
}

// TestWSSProtocol checks that browsers, which offer HTTP/2 as well, are not given it.
func TestWSSProtocol(t *testing.T) {
	server, _ := secure(t, testcert.Leaf{})
	server.ClientCAFile = ""
	server.TLS = &tls.Config{NextProtos: []string{"h2"}}
	l := listen(t, server, "wss://127.0.0.1:0/")
	c, err := tls.Dial("tcp", mustURL(t, l.URL()).Host, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	require.NoError(t, err)
	defer c.Close()
	require.Equal(t, "http/1.1", c.ConnectionState().NegotiatedProtocol)
}

func TestWSSReload(t *testing.T) {
	server, client := secure(t, testcert.Leaf{Name: "bob"})
	l := listen(t, server, "wss://127.0.0.1:0/")
	echo(t, l)
	reload := l.(interface{ Reload() error }).Reload
	before := dial(t, client, l.URL())

	server2, client2 := secure(t, testcert.Leaf{Name: "bob"})
	for _, files := range [][2]string{{server2.CertFile, server.CertFile}, {server2.KeyFile, server.KeyFile}, {server2.ClientCAFile, server.ClientCAFile}} {
		text, err := os.ReadFile(files[0])
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(files[1], text, 0o600))
	}
	client.CAFile = client2.CAFile // the old file is the new authority now
	require.NoError(t, reload())
	_, err := client.Dial(t.Context(), mustURL(t, l.URL()))
	require.Error(t, err, "the old client certificate is of the old authority")
	dial(t, client2, l.URL())
	require.NoError(t, before.Send([]byte("{}")))
	_, err = before.Recv()
	require.NoError(t, err, "connections stay as they are")

	require.NoError(t, os.WriteFile(server.KeyFile, []byte("nonsense"), 0o600))
	require.ErrorContains(t, reload(), server.KeyFile)
	dial(t, client2, l.URL())
}

// TestWSSStuck checks that neither Close nor CloseReason waits for somebody who takes
// nothing.
func TestWSSStuck(t *testing.T) {
	server, client := secure(t, testcert.Leaf{})
	server.CloseTimeout = lastMoment
	l := listen(t, server, "wss://127.0.0.1:0/")
	for _, reason := range []bool{false, true} {
		dial(t, client, l.URL())
		c, err := l.Accept()
		require.NoError(t, err)
		ended := make(chan error, 1)
		go func() {
			big := bytes.Repeat([]byte("x"), 1<<20)
			for {
				if err := c.Send(big); err != nil {
					ended <- err
					return
				}
			}
		}()
		if reason {
			require.NoError(t, c.(carrier.ReasonCloser).CloseReason(1008, "too slow"))
		} else {
			require.NoError(t, c.Close())
		}
		require.ErrorIs(t, <-ended, carrier.ErrClosed)
	}
}
