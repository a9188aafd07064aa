package unix_test

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/carriertest"
	"github.com/sigrouter/sigrouter/carrier/unix"
)

func at(path string) *url.URL { return &url.URL{Scheme: "unix", Path: path} }

func TestConn(t *testing.T) {
	carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) {
		l, err := unix.Scheme{}.Listen(t.Context(), at(filepath.Join(t.TempDir(), "s")))
		require.NoError(t, err)
		defer l.Close()
		accepted := make(chan carrier.Conn, 1)
		go func() {
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
			}
			accepted <- c
		}()
		u, err := url.Parse(l.URL())
		require.NoError(t, err)
		a, err = unix.Scheme{}.Dial(t.Context(), u)
		require.NoError(t, err)
		return a, <-accepted
	})
}

func TestListenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")

	l, err := unix.Scheme{}.Listen(t.Context(), at(path))
	require.NoError(t, err)
	st, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, unix.DefaultMode, st.Mode().Perm())

	_, err = unix.Scheme{}.Listen(t.Context(), at(path))
	require.ErrorContains(t, err, "another program listens there")

	require.NoError(t, l.Close())
	require.NoFileExists(t, path)

	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	require.NoError(t, err)
	stale.SetUnlinkOnClose(false)
	require.NoError(t, stale.Close())
	l, err = unix.Scheme{}.Listen(t.Context(), &url.URL{Scheme: "unix", Path: path, RawQuery: "mode=0660"})
	require.NoError(t, err, "a stale socket is replaced")
	st, err = os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o660), st.Mode().Perm())

	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
	require.NoError(t, l.Close())
	require.FileExists(t, path, "what took our place is not ours to remove")
	_, err = unix.Scheme{}.Listen(t.Context(), at(path))
	require.ErrorContains(t, err, "no socket")

	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(path, link))
	_, err = unix.Scheme{}.Listen(t.Context(), at(link))
	require.ErrorContains(t, err, "no socket")
	require.FileExists(t, path)

	_, err = unix.Scheme{}.Listen(t.Context(), at("/nonexistent/dir/s"))
	require.ErrorContains(t, err, "/nonexistent/dir/s")
}

func TestAddress(t *testing.T) {
	t.Chdir(t.TempDir())
	u, err := url.Parse("unix:sig.sock")
	require.NoError(t, err)
	l, err := unix.Scheme{}.Listen(t.Context(), u)
	require.NoError(t, err)
	require.Equal(t, "unix:sig.sock", l.URL())
	require.FileExists(t, "sig.sock")
	require.NoError(t, l.Close())

	for _, bad := range []string{"unix:", "unix:///x?mode=9", "unix:///x?mod=0600"} {
		u, err := url.Parse(bad)
		require.NoError(t, err)
		_, err = unix.Scheme{}.Listen(t.Context(), u)
		require.Error(t, err, bad)
	}
}
