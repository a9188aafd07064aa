package xbahn_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/programs"
)

// TestSamples runs each sample as xbahn's documentation does, and compares what it prints with
// what is printed there, in Go's words.
func TestSamples(t *testing.T) {
	for _, c := range []struct {
		sample         string
		server, client []string
	}{
		{"messaging", []string{
			"Test", `["an arg"]`, `{"something":"extra"}`,
			"Test message!", "null", "null",
		}, []string{
			"Message 'Test' received!",
			"Message received response: Message 'Test message!' received!",
		}},
		{"paths", []string{
			"Message arrived PERSON John Smith person",
			"Message arrived ADDRESS Some Street, 123 address",
			"Message arrived ADDRESS Another Street, 123 address.usa",
		}, nil},
		{"api", nil, []string{"ping!", "pong!", "7*6 = 42"}},
		{"twoway", nil, []string{"ping!", "pong!", "Touched? true"}},
		{"widget", nil, []string{
			"Number on the server widget (A) 123",
			"Number on the server widget (B) 0",
			"Number on the server widget (C through A) 123",
		}},
		{"aware", nil, []string{"Slapped (a)? true", "Poked (a)? true", "Poked (b)? false"}},
	} {
		t.Run(c.sample, func(t *testing.T) {
			dir := programs.Build(t, "./"+c.sample+"/server", "./"+c.sample+"/client")
			url := "unix:" + filepath.Join(dir, "s")
			server := programs.Start(t, "", filepath.Join(dir, "server"), "-url", url)
			server.Expect("Server running!")
			lines, code := programs.Start(t, "", filepath.Join(dir, "client"), "-url", url).Wait()
			require.Equal(t, c.client, lines)
			require.Zero(t, code)
			lines, code = server.Stop()
			require.Equal(t, c.server, lines)
			require.Zero(t, code, "Ctrl-C ends it cleanly")
		})
	}
}

// The methods of the API sample are there for the command line too.
func TestCommandLine(t *testing.T) {
	dir := programs.Build(t, "../../cmd/sig", "./api/server")
	url := "unix:" + filepath.Join(dir, "s")
	programs.Start(t, "", filepath.Join(dir, "server"), "-url", url).Expect("Server running!")
	lines, code := programs.Start(t, url, filepath.Join(dir, "sig"), "request", "server", "multiply", "[7,6]").Wait()
	require.Zero(t, code)
	require.Equal(t, []string{"42"}, lines)
}

// A client without a server says so, and does not hang.
func TestNoServer(t *testing.T) {
	dir := programs.Build(t, "./api/client")
	p := programs.Start(t, "", filepath.Join(dir, "client"), "-url", "unix:"+filepath.Join(dir, "nobody"))
	_, code := p.Wait()
	require.Equal(t, 1, code)
	require.Contains(t, p.Errors(), "nobody")
}
