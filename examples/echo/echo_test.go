package echo_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/channel"
	"github.com/sigrouter/sigrouter/internal/programs"
)

// TestChat runs three processes at one Unix socket: the router and two who chat.
func TestChat(t *testing.T) {
	dir := programs.Build(t, "../../cmd/sig", "./chat")
	socket := filepath.Join(dir, "s")
	programs.Serve(t, dir, "--listen", "unix:"+socket)

	ana := programs.Start(t, "", filepath.Join(dir, "chat"), socket)
	ana.Type("Ana")
	counted(t, ana, "(1 listening)")
	bob := programs.Start(t, "", filepath.Join(dir, "chat"), socket)
	bob.Type("Bob")
	counted(t, bob, "(2 listening)")
	counted(t, ana, "(2 listening)")

	const prompt = "Please enter your name:" // the user's own key ends the line
	ana.Type("hello")
	ana.Expect(prompt + "Ana: hello")
	bob.Expect(prompt + "Ana: hello")
	bob.Type("hi, Ana")
	ana.Expect("Bob: hi, Ana")
	bob.Expect("Bob: hi, Ana")

	// A program that takes the channel for something else is refused, and nobody else notices.
	client, err := sigrouter.Dial(t.Context(), "unix:"+socket)
	require.NoError(t, err)
	defer client.Close()
	party, err := channel.Join(t.Context(), client.Remote(), channel.Options{})
	require.NoError(t, err)
	defer party.Close()
	_, err = channel.NewPublisher[int](t.Context(), party, "chat", "number")
	require.ErrorIs(t, err, channel.ErrType)

	// So does the command line take part.
	_, code := programs.Start(t, "unix:"+socket, filepath.Join(dir, "sig"), "trigger", "script", "chat", `{"name":"Cat","message":"meow"}`).Wait()
	require.Zero(t, code)
	ana.Expect("Cat: meow")
	bob.Expect("Cat: meow")

	bob.CloseInput()
	lines, code := bob.Wait()
	require.Empty(t, lines)
	require.Zero(t, code)
	ana.Type("alone")
	ana.Expect("Ana: alone")
	lines, code = ana.Stop()
	require.Empty(t, lines)
	require.Zero(t, code, "Ctrl-C ends it cleanly")
}

// counted waits until a program has said how many listen.
func counted(t *testing.T, p *programs.Program, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(p.Errors(), text) }, 30*time.Second, 5*time.Millisecond, "%q in %q", text, p.Errors())
}

func TestMissingSocket(t *testing.T) {
	dir := programs.Build(t, "./chat")
	p := programs.Start(t, "", filepath.Join(dir, "chat"))
	_, code := p.Wait()
	require.Equal(t, 1, code)
	require.Contains(t, p.Errors(), "Missing socket")
}
