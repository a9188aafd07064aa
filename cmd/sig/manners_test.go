//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/programs"
	"github.com/sigrouter/sigrouter/router"
)

// Commands that print as long as somebody reads end when nobody does, without a word.
func TestBrokenPipes(t *testing.T) {
	s := startServer(t)
	s.ticking("timer", "tic", 2*time.Millisecond)
	for _, args := range [][]string{
		{"listen"}, {"listen", "--raw"}, {"listen", "--format", "{{.Data}}"},
		{"top", "--interval", "100ms"}, {"top", "--plain", "--interval", "100ms"}, {"record", "-"},
	} {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		cmd := command(t, append(args, "--url", s.url)...)
		cmd.Stdout = w
		var stderr programs.Text
		cmd.Stderr = &stderr
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		require.NoError(t, w.Close())
		_, err = r.Read(make([]byte, 1)) // as head -c1 does
		require.NoError(t, err)
		require.NoError(t, r.Close())
		_ = cmd.Wait() // the state says it all
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		require.Equal(t, syscall.SIGPIPE, status.Signal(), "%q", args)
		require.Empty(t, stderr.String(), "%q", args)
	}
}

// Results that cannot be written are an error of every command.
func TestFullDisks(t *testing.T) {
	s := startServer(t)
	s.addSender("calc", "tic", newGate().answers()...)
	for _, args := range [][]string{
		{"senders"}, {"senders", "--watch"}, {"request", "calc", "echo"}, {"top", "--count", "1"}, {"top", "--plain", "--count", "1"},
		{"bench", "requests", "--for", "20ms"}, {"record", "-"}, {"demo", "--for", "1s", "--listen", "tcp://127.0.0.1:0"},
	} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		require.NoError(t, err)
		if args[0] != "demo" {
			args = append(args, "--url", s.url)
		}
		cmd := command(t, args...)
		cmd.Stdout = full
		var stderr programs.Text
		cmd.Stderr = &stderr
		require.Error(t, cmd.Run())
		require.NoError(t, full.Close())
		require.Equal(t, exitFailed, cmd.ProcessState.ExitCode(), "%q: %s", args, stderr.String())
		require.Contains(t, stderr.String(), "no space left on device", "%q", args)
	}
}

// Ctrl-C ends what runs until then, with the exit code for that.
func TestInterrupted(t *testing.T) {
	s := startServer(t)
	s.ticking("timer", "tic", 2*time.Millisecond)
	file := recordingFile(t, testHeader+testLines)
	for _, c := range []struct {
		args  []string
		notes string // a regular expression
	}{
		{[]string{"listen"}, `^\d+ events? in \S+\n$`},
		{[]string{"senders", "--watch"}, `^$`},
		{[]string{"top", "--interval", "100ms"}, `^$`},
		{[]string{"record", "-"}, `^recorded \d+ events? in \S+ s to - \(`},
		{[]string{"replay", file, "--loop", "--rate", "max", "--prefix", "x."}, `replayed \d+ events?`},
		{[]string{"trigger", "a", "b", "--every", "1ms", "--unheard"}, `^$`},
	} {
		p := start(t, append(c.args, "--url", s.url)...)
		if c.args[0] == "replay" || c.args[0] == "trigger" {
			s.await(func() bool { return strings.Contains(s.Errors(), `"sig `+c.args[0]) || s.hasSender(c.args[0]) }, "its sender")
		} else {
			p.Line()
		}
		p.Signal(os.Interrupt)
		_, code := p.Wait()
		require.Equal(t, exitInterrupted, code, "%q", c.args)
		require.Regexp(t, c.notes, p.Errors(), "%q", c.args)
	}
}

// hasSender reports whether the sender that a command of TestInterrupted adds is there.
func (s *server) hasSender(command string) bool {
	s.t.Helper()
	list, err := s.dial().RemoteSenders(s.t.Context())
	require.NoError(s.t, err)
	name := map[string]string{"replay": "x.a", "trigger": "a"}[command]
	for _, l := range senderLines(list, false) {
		if l.Sender == name && l.Connected {
			return true
		}
	}
	return false
}

// What is measured when a bench is interrupted is not lost.
func TestBenchInterruptedSaysWhatItHas(t *testing.T) {
	s := startServer(t)
	p := start(t, "bench", "requests", "--for", "1h", "--url", s.url)
	c := s.dial()
	s.await(func() bool {
		status, err := askRouter[router.Status](t.Context(), c.Remote(), "status", nil)
		require.NoError(t, err)
		return status.Requests > 100
	}, "some requests")
	p.Signal(os.Interrupt)
	_, code := p.Wait()
	require.Equal(t, exitInterrupted, code)
	require.Regexp(t, `^requests, until interrupted: \d+ per second, p50 \d+ µs, p99 \d+ µs\n$`, p.Errors())
}

// A command that cannot end in order, because what it writes to is stuck, ends at the
// second Ctrl-C.
func TestSecondInterrupt(t *testing.T) {
	s := startServer(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	out, err := os.OpenFile(fifo, os.O_RDWR, 0)
	require.NoError(t, err)
	defer out.Close()
	require.NoError(t, out.SetWriteDeadline(time.Now().Add(time.Second)))
	full, err := out.Write(make([]byte, 1<<20))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Positive(t, full, "from now on it takes no more")
	rec := s.startRecording(fifo, "timer", "tic")
	s.addSender("timer", "tic")(1)
	rec.await(func() bool {
		_ = rec.Cmd.Process.Signal(os.Interrupt) // several times: two at once are one to the system
		select {
		case <-rec.Exited:
			return true
		default:
			return false
		}
	}, "the end")
	_, code := rec.Wait()
	require.Equal(t, exitInterrupted, code)
}
