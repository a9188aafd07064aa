package pty_test

import (
	"bytes"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/needs"
	"github.com/sigrouter/sigrouter/internal/pty"
)

func TestCable(t *testing.T) {
	needs.Terminal(t)
	c, err := pty.NewCable(nil, bytes.ToUpper)
	require.NoError(t, err)
	open := func(path string) *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		require.NoError(t, f.SetDeadline(time.Now().Add(10*time.Second)))
		return f
	}
	for range 2 { // nobody is at an end for a while
		a, b := open(c.A), open(c.B)
		for _, way := range []struct {
			from, to *os.File
			want     string
		}{{a, b, "HELLO"}, {b, a, "hello"}} {
			_, err = way.from.WriteString("hello")
			require.NoError(t, err)
			got := make([]byte, 5)
			_, err = io.ReadFull(way.to, got)
			require.NoError(t, err)
			require.Equal(t, way.want, string(got))
		}
		require.NoError(t, a.Close())
		require.NoError(t, b.Close())
	}
	a := open(c.A)
	c.Close()
	_, err = a.Read(make([]byte, 1))
	require.Error(t, err, "it is pulled out")
}
