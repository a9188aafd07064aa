package router_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/needs"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// docs/protocol.md is enough to write a client: testdata/client/client.py was written from
// it, and goes through all of the fast lane in JSON.
func TestClientOfAnotherLanguage(t *testing.T) {
	python := needs.Program(t, "python3")
	s := newSite(t, router.ServerOptions{})
	snd, err := s.srv.AddSender("go", sig.Events("tic"), sig.Answer("add", sig.Handle(func(_ context.Context, p []int) (int, error) { return p[0] + p[1], nil })))
	require.NoError(t, err)
	tic, err := snd.Signal("tic")
	require.NoError(t, err)
	got := newCollect()
	_, err = s.srv.AddListener("py", "e", got.listen)
	require.NoError(t, err)

	host, port, err := net.SplitHostPort(s.hostport(t))
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), python, "testdata/client/client.py", host, port)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	expect := func(want ...string) {
		t.Helper()
		for _, line := range want {
			require.True(t, lines.Scan(), "the client has ended, where %q was expected", line)
			require.Equal(t, line, lines.Text())
		}
	}
	goOn := func() {
		_, err := io.WriteString(stdin, "\n")
		require.NoError(t, err)
	}

	expect("resumed False", "acknowledged 3", "sum 5", "failed -2 no_method", "failed -2 no_sender", "refused 1 -5", "ready")
	for n := range 3 {
		var v struct {
			N    int
			Text string
		}
		require.NoError(t, got.next(t).Decode(&v))
		require.Equal(t, n, v.N)
		require.Equal(t, "häßlich 😀", v.Text)
	}
	double, err := sig.Ask[int](t.Context(), s.srv, "py", "double", 21)
	require.NoError(t, err)
	require.Equal(t, 42, double)
	require.NoError(t, tic.Trigger(0))
	expect("heard go tic 0")

	goOn()
	expect("away")
	require.True(t, eventually(func() bool { return s.srv.Stats().Away == 1 }))
	for n := range 3 {
		require.NoError(t, tic.Trigger(fmt.Sprint("missed ", n)))
	}
	goOn()
	expect("resumed True", `heard go tic "missed 0"`, `heard go tic "missed 1"`, `heard go tic "missed 2"`, "back")
	require.Equal(t, "back", got.data(t))
	goOn()
	require.NoError(t, cmd.Wait())
	require.True(t, eventually(func() bool { st := s.srv.Stats(); return st.Conns == 0 && st.Away == 0 }))
}
