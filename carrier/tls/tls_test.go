package tls

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/carriertest"
	"github.com/sigrouter/sigrouter/internal/testcert"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const soon = 10 * time.Second

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	require.NoError(t, err)
	return u
}

// secure returns the schemes of a server, and of a client that trusts it and has a
// certificate it trusts.
func secure(t testing.TB) (ca *testcert.CA, server, client Scheme) {
	ca = testcert.NewCA(t)
	server.CertFile, server.KeyFile = testcert.Files(t, ca.Server(t, testcert.Leaf{}))
	server.ClientCAFile = ca.File(t)
	client.CertFile, client.KeyFile = testcert.Files(t, ca.Client(t, testcert.Leaf{Name: "bob"}))
	client.CAFile = server.ClientCAFile
	return ca, server, client
}

func listen(t testing.TB, s Scheme) *Listener {
	t.Helper()
	l, err := s.Listen(t.Context(), mustURL(t, "tls://127.0.0.1:0"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.(*Listener)
}

func dial(t testing.TB, s Scheme, l carrier.Listener) carrier.Conn {
	t.Helper()
	c, err := s.Dial(t.Context(), mustURL(t, l.URL()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func pair(t testing.TB, server, client Scheme) (c, s carrier.Conn) {
	t.Helper()
	l := listen(t, server)
	c = dial(t, client, l)
	s, err := l.Accept()
	require.NoError(t, err)
	return c, s
}

func TestCarrier(t *testing.T) {
	_, server, client := secure(t)
	t.Run("client first", func(t *testing.T) {
		carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) { return pair(t, server, client) })
	})
	t.Run("server first", func(t *testing.T) {
		carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) { b, a = pair(t, server, client); return a, b })
	})
}

func TestIdentity(t *testing.T) {
	ca, server, client := secure(t)
	c, s := pair(t, server, client)
	defer s.Close()
	info := s.(carrier.Describer).Info()
	require.Equal(t, "tls", info.Carrier)
	require.Equal(t, "bob", info.Identity)
	require.True(t, info.Loopback)
	require.Equal(t, info.Remote, c.(carrier.Describer).Info().Local)

	client.CertFile, client.KeyFile = testcert.Files(t, ca.Client(t, testcert.Leaf{Name: "bob", URIs: []string{"sig://plant/thermometer", "sig://plant/other"}}))
	_, s = pair(t, server, client)
	defer s.Close()
	require.Equal(t, "sig://plant/thermometer", s.(carrier.Describer).Info().Identity)

	server.ClientCAFile = "" // nobody is asked for a certificate
	_, s = pair(t, server, client)
	defer s.Close()
	require.Empty(t, s.(carrier.Describer).Info().Identity)
}

// TestClientsRefused is case S2 seen from the server: who has no good certificate does
// not get in, is told why, and does not take long.
func TestClientsRefused(t *testing.T) {
	ca, server, good := secure(t)
	var log syncBuffer
	server.Log = slog.New(slog.NewTextHandler(&log, nil))
	l := listen(t, server)
	with := func(cert tls.Certificate) Scheme {
		s := good
		s.CertFile, s.KeyFile = testcert.Files(t, cert)
		return s
	}
	old := good
	old.Config = &tls.Config{MaxVersion: tls.VersionTLS11}
	none := good
	none.CertFile, none.KeyFile = "", ""
	for _, c := range []struct {
		name string
		s    Scheme
		says string
	}{
		{"no certificate", none, "wants a certificate"},
		{"expired", with(ca.Client(t, testcert.Leaf{Name: "bob", Expired: true})), "has expired"},
		{"other authority", with(testcert.NewCA(t).Client(t, testcert.Leaf{Name: "bob"})), "refused this end's certificate|does not trust"},
		{"a server's certificate", with(ca.Server(t, testcert.Leaf{Name: "bob"})), "refused this end's certificate"},
		{"for no use", with(ca.Issue(t, testcert.Leaf{Name: "bob", Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}})), "refused this end's certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			// TLS 1.3 tells the client when it reads, TLS 1.2 at once.
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				s := c.s
				s.Config = &tls.Config{MaxVersion: version}
				conn, err := s.Dial(t.Context(), mustURL(t, l.URL()))
				if err == nil {
					_, err = conn.Recv()
					_ = conn.Close()
				}
				require.Error(t, err)
				require.Regexp(t, c.says, err.Error())
			}
		})
	}
	t.Run("TLS 1.1", func(t *testing.T) {
		nc, err := tls.Dial("tcp", mustURL(t, l.URL()).Host, &tls.Config{
			InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
		})
		if err == nil {
			_ = nc.Close()
		}
		require.ErrorContains(t, err, "protocol version not supported")
		_, err = old.Dial(t.Context(), mustURL(t, l.URL()))
		require.Error(t, err, "nor does our client speak it")
	})
	t.Run("no TLS", func(t *testing.T) {
		nc, err := net.Dial("tcp", mustURL(t, l.URL()).Host)
		require.NoError(t, err)
		defer nc.Close()
		require.NoError(t, nc.SetDeadline(time.Now().Add(soon)))
		_, err = io.WriteString(nc, `{"id":1,"method":"get_version"}`+"\n")
		require.NoError(t, err)
		answer, _ := io.ReadAll(nc) // an alert, or nothing
		require.NotContains(t, string(answer), "status")
	})
	accepted := make(chan carrier.Conn, 1)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	c := dial(t, good, l)
	s := <-accepted
	defer s.Close()
	require.Equal(t, c.(carrier.Describer).Info().Local, s.(carrier.Describer).Info().Remote, "the first to get in is the good one")
	require.Contains(t, log.String(), "TLS handshake failed")
	require.Eventually(t, func() bool { return l.Refused() == 2*5+3 }, soon, time.Millisecond, "all of them are counted")
}

// TestServersRefused is case S2 seen from the client.
func TestServersRefused(t *testing.T) {
	ca, server, client := secure(t)
	with := func(cert tls.Certificate) Scheme {
		s := server
		s.CertFile, s.KeyFile = testcert.Files(t, cert)
		return s
	}
	for _, c := range []struct {
		name string
		s    Scheme
		says string
	}{
		{"right authority, wrong name", with(ca.Server(t, testcert.Leaf{Hosts: []string{"other.example.com"}})), "for another name"},
		{"no name but a common one", with(ca.Server(t, testcert.Leaf{Name: "127.0.0.1", Hosts: []string{}})), "for another name"},
		{"expired", with(ca.Server(t, testcert.Leaf{Expired: true})), "has expired"},
		{"other authority", with(testcert.NewCA(t).Server(t, testcert.Leaf{})), "not trusted here"},
		{"a client's certificate", with(ca.Client(t, testcert.Leaf{})), "not for this use"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := listen(t, c.s)
			_, err := client.Dial(t.Context(), mustURL(t, l.URL()))
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, l.URL())
			if c.name == "right authority, wrong name" {
				named := client
				named.ServerName = "other.example.com"
				dial(t, named, l)
			}
			insecure := client
			insecure.Insecure = true
			dial(t, insecure, l)
		})
	}
	t.Run("TLS 1.1", func(t *testing.T) {
		cert := ca.Server(t, testcert.Leaf{})
		ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
			Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
		})
		require.NoError(t, err)
		answerOne(t, ln, func(nc net.Conn) { _ = nc.(*tls.Conn).Handshake() })
		_, err = client.Dial(t.Context(), mustURL(t, "tls://"+ln.Addr().String()))
		require.ErrorContains(t, err, "1.2 or 1.3")
	})
	t.Run("no TLS", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		answerOne(t, ln, func(nc net.Conn) { _, _ = io.WriteString(nc, `{"id":1,"status":-4}`) })
		_, err = client.Dial(t.Context(), mustURL(t, "tls://"+ln.Addr().String()))
		require.ErrorContains(t, err, "does not speak TLS")
	})
	t.Run("silence", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		answerOne(t, ln, func(nc net.Conn) { _, _ = io.Copy(io.Discard, nc) })
		s := client
		s.HandshakeTimeout = 50 * time.Millisecond
		_, err = s.Dial(t.Context(), mustURL(t, "tls://"+ln.Addr().String()))
		require.ErrorContains(t, err, "took too long")
	})
	t.Run("context", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		answerOne(t, ln, func(nc net.Conn) { _, _ = io.Copy(io.Discard, nc) })
		ctx, cancel := context.WithCancelCause(t.Context())
		reason := errors.New("no longer wanted")
		time.AfterFunc(50*time.Millisecond, func() { cancel(reason) })
		_, err = client.Dial(ctx, mustURL(t, "tls://"+ln.Addr().String()))
		require.ErrorIs(t, err, reason)
	})
}

// answerOne serves one connection.
func answerOne(t *testing.T, ln net.Listener, serve func(net.Conn)) {
	var wg sync.WaitGroup
	wg.Go(func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		serve(nc)
		_, _ = io.Copy(io.Discard, nc)
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
}

// TestSlowHandshake checks that those who dawdle hold up nobody, and are cut off.
func TestSlowHandshake(t *testing.T) {
	_, server, client := secure(t)
	server.HandshakeTimeout = 300 * time.Millisecond
	l := listen(t, server)
	var slow []net.Conn
	for _, begin := range []string{"", "\x16", "\x16\x03\x01\x02\x00\x01"} {
		nc, err := net.Dial("tcp", mustURL(t, l.URL()).Host)
		require.NoError(t, err)
		defer nc.Close()
		_, err = io.WriteString(nc, begin)
		require.NoError(t, err)
		require.NoError(t, nc.SetDeadline(time.Now().Add(soon)))
		slow = append(slow, nc)
	}
	dial(t, client, l)
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()
	for _, nc := range slow {
		_, err := io.Copy(io.Discard, nc)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	}
}

func TestReload(t *testing.T) {
	_, server, client := secure(t)
	l := listen(t, server)
	before := dial(t, client, l)
	old, err := l.Accept()
	require.NoError(t, err)
	defer old.Close()

	_, server2, client2 := secure(t)
	for from, to := range map[string]string{server2.CertFile: server.CertFile, server2.KeyFile: server.KeyFile, server2.ClientCAFile: server.ClientCAFile} {
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to, text, 0o600))
	}
	_, err = client2.Dial(t.Context(), mustURL(t, l.URL()))
	require.ErrorContains(t, err, "not trusted here", "nothing happens before Reload")
	require.NoError(t, l.Reload())
	dial(t, client2, l)
	again, err := l.Accept()
	require.NoError(t, err)
	defer again.Close()
	_, err = client.Dial(t.Context(), mustURL(t, l.URL()))
	require.NoError(t, err, "client.CAFile was replaced as well; its certificate is the old one")

	require.NoError(t, before.Send([]byte("{}")))
	frame, err := old.Recv()
	require.NoError(t, err, "connections stay")
	require.Equal(t, "{}", string(frame))

	require.NoError(t, os.WriteFile(server.ClientCAFile, []byte("nonsense"), 0o600))
	require.ErrorContains(t, l.Reload(), server.ClientCAFile)
	dial(t, client2, l) // as before
}

func TestClose(t *testing.T) {
	_, server, client := secure(t)
	l := listen(t, server)
	waiting := dial(t, client, l)
	nc, err := net.Dial("tcp", mustURL(t, l.URL()).Host) // in the middle of its handshake
	require.NoError(t, err)
	defer nc.Close()
	kept := dial(t, client, l)
	ended := make(chan error, 1)
	first, err := l.Accept()
	require.NoError(t, err)
	defer first.Close()
	second, err := l.Accept()
	require.NoError(t, err)
	defer second.Close()
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	require.ErrorIs(t, <-ended, carrier.ErrClosed)
	_, err = l.Accept()
	require.ErrorIs(t, err, carrier.ErrClosed)
	for _, c := range []carrier.Conn{waiting, kept} {
		require.NoError(t, c.Send([]byte("{}")))
	}
	for _, c := range []carrier.Conn{first, second} {
		_, err := c.Recv()
		require.NoError(t, err)
	}
}

// TestUnaccepted checks that Close ends connections that nobody has accepted.
func TestUnaccepted(t *testing.T) {
	_, server, client := secure(t)
	l := listen(t, server)
	c := dial(t, client, l)
	require.NoError(t, l.Close())
	_, err := c.Recv()
	require.Error(t, err)
}

// TestNewListener checks a listener that was opened elsewhere, also when it fails.
func TestNewListener(t *testing.T) {
	_, server, client := secure(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	failing := &flaky{Listener: ln, errs: []error{errors.New("out of descriptors")}}
	l, err := server.NewListener(failing)
	require.NoError(t, err)
	defer l.Close()
	_, err = l.Accept()
	require.ErrorContains(t, err, "out of descriptors")
	dial(t, client, l)
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()

	_, err = Scheme{}.NewListener(ln)
	require.ErrorContains(t, err, "certificate")
}

// A flaky listener fails first.
type flaky struct {
	net.Listener
	errs []error
}

func (f *flaky) Accept() (net.Conn, error) {
	if len(f.errs) > 0 {
		err := f.errs[0]
		f.errs = f.errs[1:]
		return nil, err
	}
	return f.Listener.Accept()
}

func TestURLs(t *testing.T) {
	_, server, client := secure(t)
	for at, says := range map[string]string{
		"tls://127.0.0.1:0?x=1":      `unknown setting "x"`,
		"tls://127.0.0.1:0/path":     "tls://host:port",
		"tls://me:secret@127.0.0.1/": "user and password",
	} {
		_, err := server.Listen(t.Context(), mustURL(t, at))
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "secret")
		_, err = client.Dial(t.Context(), mustURL(t, at))
		require.ErrorContains(t, err, says)
	}
	l := listen(t, server)
	_, err := server.Listen(t.Context(), mustURL(t, l.URL()))
	require.ErrorContains(t, err, "another program listens at")
	addr, err := address(mustURL(t, "tls://[::1]"))
	require.NoError(t, err)
	require.Equal(t, "[::1]:"+DefaultPort, addr)
	require.Equal(t, []string{"tls"}, Scheme{}.Schemes())
}

// TestStuck checks that Close does not wait for somebody who takes nothing.
func TestStuck(t *testing.T) {
	_, server, client := secure(t)
	_, s := pair(t, server, client)
	ended := make(chan error, 1)
	go func() {
		big := []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
		for {
			if err := s.Send(big); err != nil {
				ended <- err
				return
			}
		}
	}()
	start := time.Now()
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-ended, carrier.ErrClosed)
	require.Less(t, time.Since(start), 2*time.Second)
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
