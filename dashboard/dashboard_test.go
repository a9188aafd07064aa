package dashboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/ws"
	"github.com/sigrouter/sigrouter/dashboard"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

const (
	secret   = "open sesame"
	waitMost = 10 * time.Second
	waitStep = 10 * time.Millisecond
)

// serve mounts the dashboard of a server below /dash/ and returns its address.
func serve(t *testing.T, srv *router.ServerRouter, o dashboard.Options) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/dash/", http.StripPrefix("/dash", o.Handler(srv)))
	web := httptest.NewServer(mux)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	t.Cleanup(web.Close)
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	return web.URL + "/dash/"
}

// dial connects to the page's socket, as the page does.
func dial(t *testing.T, page, token string) (*router.ClientRouter, error) {
	t.Helper()
	o := router.ClientOptions{Token: token, Schemes: carrier.NewSchemes(ws.Scheme{})}
	c, err := o.Dial(t.Context(), strings.Replace(page, "http:", "ws:", 1)+"socket")
	if err == nil {
		t.Cleanup(func() { require.NoError(t, c.Close()) })
	}
	return c, err
}

// may reports what a client of the page may do.
func may(t *testing.T, c *router.ClientRouter) (look, act bool) {
	t.Helper()
	ctx := context.Background()
	_, err := c.RemoteRequest(ctx, router.Inspector, "status", nil)
	look = err == nil
	_, addErr := c.AddRemoteSender(ctx, "lamp", sig.Events("on"))
	_, disconnectErr := c.RemoteRequest(ctx, router.Inspector, "disconnect", map[string]any{"peer": 999})
	_, requestErr := c.RemoteRequest(ctx, "door", "open", nil)
	act = addErr == nil
	for what, err := range map[string]error{"add": addErr, "disconnect": disconnectErr, "request": requestErr} {
		if refused := errors.Is(err, sig.ErrRefused); refused == act {
			t.Errorf("adding a sender: %v, but %s: %v", addErr, what, err)
		}
	}
	return look, act
}

// Without a token the page's client may look and not act, whatever the page does; with one
// it may act.
func TestReadOnlyWithoutToken(t *testing.T) {
	login, err := auth.Parse("tokens", strings.NewReader(
		"anonymous guest\ntoken ana "+auth.Hash("sig_ana")+" boss\nallow boss any >\nallow guest any >\n"))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		login     auth.Authenticator
		options   dashboard.Options
		token     string
		look, act bool
		refused   bool
	}{
		"no token, none configured":        {look: true},
		"any token, none configured":       {token: secret, refused: true},
		"no token":                         {options: dashboard.Options{Token: dashboard.Token(secret)}, look: true},
		"the token":                        {options: dashboard.Options{Token: dashboard.Token(secret)}, token: secret, look: true, act: true},
		"another token":                    {options: dashboard.Options{Token: dashboard.Token(secret)}, token: secret + "!", refused: true},
		"an empty secret":                  {options: dashboard.Options{Token: dashboard.Token("")}, token: "", look: true},
		"a login's guest":                  {login: login, look: true},
		"a login's token":                  {login: login, token: "sig_ana", look: true, act: true},
		"an unknown token at a login":      {login: login, token: secret, refused: true},
		"the dashboard's token at a login": {login: login, options: dashboard.Options{Token: dashboard.Token(secret)}, token: secret, look: true, act: true},
	} {
		t.Run(name, func(t *testing.T) {
			srv := router.ServerOptions{Login: c.login}.New()
			_, err := srv.AddSender("door", sig.Answer("open", func(context.Context, sig.Request) (any, error) { return true, nil }))
			require.NoError(t, err)
			client, err := dial(t, serve(t, srv, c.options), c.token)
			if c.refused {
				require.ErrorIs(t, err, sig.ErrRefused)
				return
			}
			require.NoError(t, err)
			look, act := may(t, client)
			require.Equal(t, [2]bool{c.look, c.act}, [2]bool{look, act})
		})
	}
}

// A Login that is set later has its say about pages that are open.
func TestNewLoginReachesPages(t *testing.T) {
	srv := router.NewServer()
	page := serve(t, srv, dashboard.Options{Token: dashboard.Token(secret)})
	_, err := dial(t, page, "")
	require.NoError(t, err)
	boss, err := dial(t, page, secret)
	require.NoError(t, err)
	require.Len(t, srv.Peers(), 2)
	login, err := auth.Parse("tokens", strings.NewReader("token ana "+auth.Hash("sig_ana")+" boss\nallow boss any >\n"))
	require.NoError(t, err)
	srv.SetLogin(login)
	_, act := may(t, boss)
	require.True(t, act, "the dashboard's token is good as before")
	require.Eventually(t, func() bool { return len(srv.Peers()) == 1 }, waitMost, waitStep, "who showed nothing has to go")
}

// get asks for a path of the page.
func get(t *testing.T, method, url string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(body)
}

// What is no request for a part of the page is refused with a status and one line of JSON.
func TestRefusals(t *testing.T) {
	page := serve(t, router.NewServer(), dashboard.Options{AllowedHosts: []string{"panel.example"}, AllowedOrigins: []string{"https://panel.example"}})
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	from := func(o string) func(*http.Request) { return func(r *http.Request) { r.Header.Set("Origin", o) } }
	for name, c := range map[string]struct {
		method, path string
		change       func(*http.Request)
		status       int
		says         string
	}{
		"the page":          {"GET", "", nil, 200, ""},
		"its head":          {"HEAD", "", nil, 200, ""},
		"an allowed host":   {"GET", "", host("panel.example:8443"), 200, ""},
		"an allowed origin": {"GET", "sig.js", from("https://panel.example"), 200, ""},
		"a foreign host":    {"GET", "", host("evil.example"), 403, "evil.example"},
		"a foreign origin":  {"GET", "sig.js", from("https://evil.example"), 403, "evil.example"},
		"no origin":         {"GET", "socket", from("null"), 403, "null"},
		"foreign socket":    {"GET", "socket", from("https://evil.example"), 403, "evil.example"},
		"unknown path":      {"GET", "nothing", nil, 404, "no such page"},
		"path upwards":      {"GET", "%2e%2e/dashboard.go", nil, 404, "no such page"},
		"a post":            {"POST", "", nil, 405, "POST"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := get(t, c.method, page+c.path, c.change)
			require.Equal(t, c.status, resp.StatusCode, body)
			if c.status == 200 {
				return
			}
			var told struct{ Error string }
			require.NoError(t, json.Unmarshal([]byte(body), &told), body)
			require.Contains(t, told.Error, c.says)
			require.Equal(t, 1, strings.Count(body, "\n"))
			require.Equal(t, "application/json", resp.Header.Get("Content-Type"))
		})
	}
}

// The page is strict about what it loads, and is not sent twice.
func TestHeaders(t *testing.T) {
	page := serve(t, router.NewServer(), dashboard.Options{})
	resp, body := get(t, "GET", page, nil)
	csp := resp.Header.Get("Content-Security-Policy")
	require.Contains(t, csp, "default-src 'none'")
	require.NotContains(t, csp, "unsafe")
	require.NotContains(t, body, "<style")
	require.NotContains(t, body, "style=")
	tag := resp.Header.Get("Etag")
	require.NotEmpty(t, tag)
	again, body := get(t, "GET", page, func(r *http.Request) { r.Header.Set("If-None-Match", tag) })
	require.Equal(t, http.StatusNotModified, again.StatusCode)
	require.Empty(t, body)
}
