//go:build unix

package network

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain also is the program that the children run.
func TestMain(m *testing.M) {
	if Role(testPeers(), os.Args[1:]) {
		return
	}
	os.Exit(m.Run())
}

func testPeers() []Peer {
	return []Peer{
		Own("sig", false), Own("sig, JSON", true), OwnWebSocket("sig, ws", false), OwnWebSocket("sig, ws JSON", true),
		OwnUnix("sig, unix"), OwnTLS("sig, tls"), OwnSerial("sig, serial"),
		NATS(), NATSWebSocket(), Nexus(), Raw(),
	}
}

func brief() Options {
	return Options{Rounds: 1, Warm: 50 * time.Millisecond, Run: 100 * time.Millisecond, Progress: func(string, ...any) {}}
}

func run(t *testing.T, table Table, rows int) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts some thirty processes")
	}
	var out strings.Builder
	require.NoError(t, table.Run(&out, brief()))
	t.Log(out.String())
	require.NotContains(t, out.String(), "lost")
	require.Equal(t, rows, strings.Count(out.String(), "\n| ")-2, "rows")
	require.NotContains(t, out.String(), "| 0 ")
}

// Every peer takes every work that its table has, and loses nothing.
func TestTables(t *testing.T) {
	peers := testPeers()
	calls := []Work{Requests(false, 1), Requests(false, 64), Requests(true, 64)}
	run(t, Table{Title: "all", Peers: slices.Concat(peers[:6], peers[7:10]), Works: append(calls, Events(1), Events(3), Idle(20))}, 8)
	run(t, Table{Title: "serial", Peers: peers[6:7], Works: calls[:2]}, 2)
	run(t, Table{Title: "raw", Peers: peers[10:], Works: []Work{Events(3)}}, 2)
}

func TestTableHere(t *testing.T) {
	run(t, Table{
		Title: "here", Here: true, Peers: []Peer{OwnLocal("sig"), NATSInProcess(), NexusLocal(), MangosInProcess()},
		Works: []Work{Requests(false, 1), Requests(false, 64), Requests(true, 64), Events(1), Events(3)},
	}, 5)
}

func TestStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	var out strings.Builder
	require.NoError(t, Storm(&out, testPeers()[:1], 20, 100*time.Millisecond, brief()))
	require.Contains(t, out.String(), "20 clients")
}

func TestPayload(t *testing.T) {
	require.Len(t, payload(), 128)
}
