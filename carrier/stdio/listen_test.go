//go:build unix

package stdio

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
)

func listenAt(t *testing.T, s Scheme, address string) carrier.Listener {
	t.Helper()
	if s.Log == nil {
		s.Log = quiet()
	}
	l, err := s.Listen(t.Context(), mustParse(t, address))
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func accept(t *testing.T, l carrier.Listener) carrier.Conn {
	t.Helper()
	var c carrier.Conn
	within(t, "Accept", func() (err error) { c, err = l.Accept(); return err })
	t.Cleanup(func() { c.Close() })
	return c
}

// endOfChild receives all that a child says, and closes its connection.
func endOfChild(t *testing.T, c carrier.Conn) {
	t.Helper()
	require.Equal(t, "{}", recv(t, c))
	require.ErrorIs(t, recvErr(t, c), io.EOF)
	require.NoError(t, c.Close())
}

// TestRestart follows a child that ends again and again, under each policy.
func TestRestart(t *testing.T) {
	for _, c := range []struct {
		name, script string
		policy       Restart
		again        bool
	}{
		{"always, after success", `echo "{}"`, RestartAlways, true},
		{"always, after failure", `echo "{}"; exit 1`, RestartAlways, true},
		{"on failure, after success", `echo "{}"`, RestartOnFailure, false},
		{"on failure, after failure", `echo "{}"; exit 1`, RestartOnFailure, true},
		{"on failure, after a signal", `echo "{}"; kill -9 $$`, RestartOnFailure, true},
		{"never", `echo "{}"; exit 1`, RestartNever, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := listenAt(t, Scheme{Restart: c.policy, RestartMin: time.Millisecond, RestartMax: time.Hour}, sh(c.script))
			endOfChild(t, accept(t, l))
			if c.again {
				endOfChild(t, accept(t, l))
				endOfChild(t, accept(t, l))
				return
			}
			_, err := l.Accept()
			require.ErrorIs(t, err, carrier.ErrClosed)
		})
	}
}

// TestRestartPauses checks that a child which cannot live is not started without rest.
func TestRestartPauses(t *testing.T) {
	l := listenAt(t, Scheme{RestartMin: 10 * time.Millisecond, RestartMax: time.Hour}, sh(`echo "{}"`))
	for _, least := range []time.Duration{0, 10, 20, 40} {
		took := timed(func() { endOfChild(t, accept(t, l)) })
		require.GreaterOrEqual(t, took, least*time.Millisecond)
	}
}

func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newChildListener("exec:x", &Scheme{}, nil)
		for _, c := range []struct{ lived, want time.Duration }{
			{0, 500 * time.Millisecond}, {time.Second, time.Second}, {29 * time.Second, 2 * time.Second}, {0, 4 * time.Second},
			{0, 8 * time.Second}, {0, 16 * time.Second}, {0, 30 * time.Second}, {0, 30 * time.Second}, {30 * time.Second, 500 * time.Millisecond},
		} {
			require.Equal(t, c.want, timed(func() { require.NoError(t, l.rest(c.lived)) }))
		}
	})
}

// TestProgramReplaced has the program vanish for a while, as on an upgrade.
func TestProgramReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "thermo")
	install := func() {
		next := path + ".new"
		require.NoError(t, os.WriteFile(next, []byte("#!/bin/sh\necho '{}'\n"), 0o755))
		require.NoError(t, os.Rename(next, path))
	}
	install()
	log := &journal{}
	l := listenAt(t, Scheme{Log: log.logger(), RestartMin: time.Millisecond, RestartMax: 10 * time.Millisecond}, "exec:"+path)
	endOfChild(t, accept(t, l))
	require.NoError(t, os.Remove(path))
	next := make(chan carrier.Conn, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			next <- c
		}
	}()
	require.Eventually(t, func() bool { return log.contains("child cannot be started") }, patience, time.Millisecond)
	install()
	select {
	case c := <-next:
		endOfChild(t, c)
	case <-time.After(patience):
		t.Fatal("not started again")
	}
}

func TestListenerClose(t *testing.T) {
	waits := func(l carrier.Listener) chan error {
		failed := make(chan error, 1)
		go func() { _, err := l.Accept(); failed <- err }()
		return failed
	}
	t.Run("during a pause", func(t *testing.T) {
		l := listenAt(t, Scheme{RestartMin: time.Hour}, sh(`echo "{}"`))
		endOfChild(t, accept(t, l))
		failed := waits(l)
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-failed, carrier.ErrClosed)
		require.ErrorIs(t, <-waits(l), carrier.ErrClosed)
		require.NoError(t, l.Close())
	})
	t.Run("while a child runs", func(t *testing.T) {
		l := listenAt(t, Scheme{}, "exec:cat")
		c := accept(t, l)
		failed := waits(l)
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-failed, carrier.ErrClosed)
		require.NoError(t, c.Send([]byte("{}")))
		require.Equal(t, "{}", recv(t, c), "it stays")
		require.NoError(t, c.Close())
	})
	t.Run("at once", func(t *testing.T) {
		l := listenAt(t, Scheme{}, "exec:cat")
		require.Equal(t, "exec:cat", l.URL())
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-waits(l), carrier.ErrClosed)
	})
}
