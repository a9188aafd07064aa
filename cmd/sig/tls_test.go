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
	s.Signal(syscall.SIGHUP)
	require.Regexp(t, `^RELOADING=1\nMONOTONIC_USEC=[1-9]\d*$`, heard())
	require.Equal(t, "READY=1", heard())
	s.awaitLog("msg=reloaded")
	require.Equal(t, exitDone, sigRun(t, "senders", "--url", s.url, "--ca", renewed.File(t)).code)
	require.Equal(t, exitConnect, sigRun(t, "senders", "--url", s.url, "--ca", old.File(t)).code)

	require.NoError(t, os.WriteFile(key, []byte("nonsense"), 0o600))
	s.Signal(syscall.SIGHUP)
	require.Contains(t, heard(), "RELOADING=1")
	require.Equal(t, "READY=1", heard(), "it is ready as before")
	s.awaitLog("cannot reload, going on with what was there")
	require.Equal(t, exitDone, sigRun(t, "senders", "--url", s.url, "--ca", renewed.File(t)).code)

	s.Signal(syscall.SIGTERM)
	require.Equal(t, "STOPPING=1", heard())
	_, code := s.Wait()
	require.Equal(t, exitDone, code)
}

// Flags about certificates are refused where they would do nothing; the environment, which is
// for every command, is not.
func TestTLSFlagsWithoutTLS(t *testing.T) {
	s := startServer(t, "--listen", "ws://127.0.0.1:0/sig", "--listen", "unix:sock")
	for _, url := range []string{s.ready.Listen[0], s.ready.Listen[1], "unix:sock", "exec:cat"} {
		for _, flags := range [][]string{{"--ca", "x"}, {"--cert", "x", "--key", "y"}, {"--insecure"}} {
			r := sigRun(t, append([]string{"senders", "--url", url}, flags...)...)
			require.Equal(t, exitUsage, r.code, r.stderr)
			require.Equal(t, "sig: "+flags[0]+" has no effect at "+url+", where there is no TLS; leave it out, or connect to a tls:// or wss:// address\n", r.stderr)
		}
	}
	cmd := command(t, "senders", "--url", s.url)
	cmd.Env = append(cmd.Env, "SIG_CA=/no/such", "SIG_CERT=/no/such", "SIG_KEY=/no/such")
	require.Equal(t, result{}, runCommand(t, cmd))
}

// So does the router with what has no address to be about.
func TestServeUselessFlags(t *testing.T) {
	ca := testcert.NewCA(t)
	cert, key := testcert.Files(t, ca.Server(t, testcert.Leaf{}))
	tls := []string{"--tls-cert", cert, "--tls-key", key, "--tls-client-ca", ca.File(t)}
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("word\n"), 0o600))
	for says, args := range map[string][]string{
		"--tls-cert has no effect without TLS; leave it out, or listen at a tls://": tls,
		"--tls-client-ca has no effect without TLS":                                 tls[4:],
		"--dashboard-token-file has no effect without --http":                       {"--http", "off", "--dashboard-token-file", token},
		"--allowed-host has no effect without --http":                               {"--listen", "tcp://127.0.0.1:0", "--allowed-host", "a"},
		"--allowed-origin has no effect without --http":                             {"--listen", "tcp://127.0.0.1:0", "--allowed-origin", "https://a"},
	} {
		r := sigRun(t, append([]string{"serve", "--check-config"}, args...)...)
		require.Equal(t, exitUsage, r.code, "%q: %s", args, r.stderr)
		require.Contains(t, r.stderr, says)
	}
	for _, listen := range []string{"tls://127.0.0.1:0", "wss://127.0.0.1:0/x", "systemd:x?as=tls"} {
		require.Equal(t, result{}, sigRun(t, append([]string{"serve", "--check-config", "--listen", listen}, tls...)...), listen)
	}
	require.Equal(t, result{}, sigRun(t, append([]string{"serve", "--check-config", "--metrics", "https://127.0.0.1:0"}, tls...)...))
	require.Equal(t, result{}, sigRun(t, "serve", "--check-config", "--listen", "systemd:x?as=ws", "--allowed-host", "a", "--allowed-origin", "https://a"))
}
