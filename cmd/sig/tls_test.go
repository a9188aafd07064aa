package main

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/testcert"
)

// Over TLS and secure WebSocket: the router shows a certificate and demands one, the client
// trusts an authority and shows one.
func TestTLS(t *testing.T) {
	ca, other := testcert.NewCA(t), testcert.NewCA(t)
	cert, key := testcert.Files(t, ca.Server(t, testcert.Leaf{}))
	clientCert, clientKey := testcert.Files(t, ca.Client(t, testcert.Leaf{Name: "ana"}))
	s := startServer(t, "--listen", "tls://127.0.0.1:0", "--listen", "wss://127.0.0.1:0/sig",
		"--tls-cert", cert, "--tls-key", key, "--tls-client-ca", ca.File(t))
	for _, url := range s.ready.Listen {
		show := []string{"--cert", clientCert, "--key", clientKey}
		for _, c := range []struct {
			flags []string
			code  int
			says  string
		}{
			{append(show, "--ca", ca.File(t)), exitDone, ""},
			{append(show, "--insecure"), exitDone, ""},
			{show, exitConnect, "not trusted here"},
			{append(show, "--ca", other.File(t)), exitConnect, "not trusted here"},
			{[]string{"--ca", ca.File(t)}, exitConnect, "certificate"},
			{append(show, "--ca", "/no/such"), exitConnect, "/no/such"},
		} {
			r := sigRun(t, append([]string{"senders", "--url", url}, c.flags...)...)
			require.Equal(t, c.code, r.code, "%s %q: %s", url, c.flags, r.stderr)
			require.Contains(t, r.stderr, c.says)
		}
		cmd := command(t, "senders", "--url", url)
		cmd.Env = append(cmd.Env, "SIG_CA="+ca.File(t), "SIG_CERT="+clientCert, "SIG_KEY="+clientKey)
		require.Equal(t, result{}, runCommand(t, cmd))
	}
}

// On SIGHUP the certificates are read again, and the service manager hears of it all.
func TestServeReloads(t *testing.T) {
	old, renewed := testcert.NewCA(t), testcert.NewCA(t)
	cert, key := testcert.Files(t, old.Server(t, testcert.Leaf{}))
	socket := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	require.NoError(t, err)
	defer manager.Close()
	cmd := command(t, "serve", "--listen", "tls://127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+socket)
	s := serverOf(t, startCommand(t, cmd))
	heard := func() string {
		buf := make([]byte, 100)
		n, err := manager.Read(buf)
		require.NoError(t, err)
		return string(buf[:n])
	}
	require.Equal(t, "READY=1", heard())
	require.Equal(t, exitDone, sigRun(t, "senders", "--url", s.url, "--ca", old.File(t)).code)

	newCert, newKey := testcert.Files(t, renewed.Server(t, testcert.Leaf{}))
	require.NoError(t, os.Rename(newCert, cert))
	require.NoError(t, os.Rename(newKey, key))
	s.signal(syscall.SIGHUP)
	require.Regexp(t, `^RELOADING=1\nMONOTONIC_USEC=[1-9]\d*$`, heard())
	require.Equal(t, "READY=1", heard())
	s.awaitLog("msg=reloaded")
	require.Equal(t, exitDone, sigRun(t, "senders", "--url", s.url, "--ca", renewed.File(t)).code)
	require.Equal(t, exitConnect, sigRun(t, "senders", "--url", s.url, "--ca", old.File(t)).code)

	require.NoError(t, os.WriteFile(key, []byte("nonsense"), 0o600))
	s.signal(syscall.SIGHUP)
	require.Contains(t, heard(), "RELOADING=1")
	require.Equal(t, "READY=1", heard(), "it is ready as before")
	s.awaitLog("cannot reload, going on with what was there")
	require.Equal(t, exitDone, sigRun(t, "senders", "--url", s.url, "--ca", renewed.File(t)).code)

	s.signal(syscall.SIGTERM)
	require.Equal(t, "STOPPING=1", heard())
	_, code := s.wait()
	require.Equal(t, exitDone, code)
}
