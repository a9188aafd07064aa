package browsertest

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	js "github.com/sigrouter/sigrouter/clients/js"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// serve starts sig serve, and returns the addresses it says it has, by their schemes.
func serve(t *testing.T, args ...string) map[string]string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "sig")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./cmd/sig")
	build.Dir = filepath.Join("..", "..")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, append([]string{"serve"}, args...)...)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	var ready struct {
		Listen []string
		HTTP   string
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(line, &ready), string(line))
	urls := map[string]string{"http": ready.HTTP}
	for _, u := range ready.Listen {
		scheme, _, _ := strings.Cut(u, ":")
		urls[scheme] = u
	}
	return urls
}

// The page of examples/browser talks to sig serve, by the JavaScript client: it listens,
// triggers and answers.
func TestPageAtServe(t *testing.T) {
	urls := serve(t, "--listen", "tcp://127.0.0.1:0", "--listen", "ws://127.0.0.1:0/sig")
	target, err := url.Parse(strings.Replace(urls["ws"], "ws:", "http:", 1))
	require.NoError(t, err)
	mux := http.NewServeMux() // hands out the page, and passes its connection on
	mux.Handle("/sig", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
		r.Out.Host = r.In.Host // the page's origin has to be that of the host it asks
	}})
	mux.Handle("/sig.js", http.FileServerFS(js.Files))
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("..", "..", "examples", "browser", "index.html"))
	})
	mux.HandleFunc("/favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)

	p := newPage(t)
	require.NoError(t, p.Open(web.URL))
	p.says("output", "connected")

	c, err := router.ClientOptions{Name: "elsewhere", Schemes: sigrouter.Schemes()}.Dial(t.Context(), urls["tcp"])
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	knocks := make(chan sig.Event, 1)
	_, err = c.AddRemoteListener(t.Context(), sig.Any, "knock", func(e sig.Event) { knocks <- e })
	require.NoError(t, err)
	p.click("button")
	knock := <-knocks
	var data struct{ Times int }
	require.NoError(t, knock.Decode(&data))
	require.Equal(t, 1, data.Times)

	title, err := c.RemoteRequest(t.Context(), knock.Sender, "title", nil)
	require.NoError(t, err)
	require.Equal(t, `"Sig in a page"`, title.Data.(*sig.Raw).String())

	lamp, err := c.AddRemoteSender(t.Context(), "lamp", sig.Events("on"))
	require.NoError(t, err)
	on, err := lamp.Signal("on")
	require.NoError(t, err)
	require.NoError(t, on.Trigger("<b>bright</b>"))
	p.says("pre", `lamp on "<b>bright</b>"`)
}

// sig serve has the dashboard at its HTTP server, read-only until its token is entered.
func TestDashboardOfServe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("sesame\n"), 0o600))
	urls := serve(t, "--listen", "tcp://127.0.0.1:0", "--http", "127.0.0.1:0", "--dashboard-token-file", file)
	require.NotEmpty(t, urls["http"])
	p := newPage(t)
	require.NoError(t, p.Open(urls["http"]))
	p.until(live)
	p.says("#router", "router")
	p.says("#lock", "Read only")
	p.click(`nav a[data-view="links"]`)
	p.says("#main", urls["tcp"])
	p.says(".grid-log", "peer connected")
	p.unlock("sesame")
	p.says("#lock", "Actions on")
}
