package pty_test

import (
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/needs"
)

func TestOpenPassesEveryByte(t *testing.T) {
	master, path := needs.Terminal(t)
	slave, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	defer slave.Close()

	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, way := range []struct{ from, to *os.File }{{master, slave}, {slave, master}} {
		require.NoError(t, way.to.SetReadDeadline(time.Now().Add(10*time.Second)))
		_, err = way.from.Write(all)
		require.NoError(t, err)
		got := make([]byte, len(all))
		_, err = io.ReadFull(way.to, got)
		require.NoError(t, err)
		require.Equal(t, all, got)
	}
}

func TestClosingMasterUnplugs(t *testing.T) {
	master, path := needs.Terminal(t)
	slave, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	defer slave.Close()
	require.NoError(t, master.Close())
	_, err = slave.Read(make([]byte, 1))
	require.Error(t, err)
}
