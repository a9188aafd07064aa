//go:build unix

package network

import (
	"os"
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

func testPeers() []Peer { return []Peer{Own("sig", false), Own("sig, JSON", true), NATS(), Nexus()} }

// Every peer takes every workload and loses nothing.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some thirty processes")
	}
	var out strings.Builder
	require.NoError(t, Run(&out, testPeers(), Options{
		Rounds: 1, Warm: 50 * time.Millisecond, Run: 100 * time.Millisecond, Subscribers: 3, Idle: 20,
		Progress: func(string, ...any) {},
	}))
	t.Log(out.String())
	require.NotContains(t, out.String(), "lost")
	require.Equal(t, 6, strings.Count(out.String(), "\n| ")-2, "rows")
	require.NotContains(t, out.String(), "| 0 ")
}

func TestPayload(t *testing.T) {
	require.Len(t, payload(), 128)
}
