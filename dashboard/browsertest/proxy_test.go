package browsertest

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/dashboard/browsertest/world"
)

// Behind a proxy, below another path, the page works for who has a token. To others the
// router, which has no Login, tells nothing: who comes through a proxy is not known to be on
// its machine. The page says so.
func TestBehindAProxy(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.Household())
	target, err := url.Parse(w.URL)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/some/panel/", http.StripPrefix("/some/panel", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}}))
	proxy := httptest.NewServer(mux)
	t.Cleanup(proxy.Close)

	p := newPage(t)
	require.NoError(t, p.Open(proxy.URL+"/some/panel/"))
	p.says(".wall", "only programs of the router's machine may inspect it")
	p.until(`document.querySelector("#link").dataset.state === "refused"`)
	require.NotContains(t, eval[string](p, `document.body.innerText`), "kitchen")
	p.shot("refused")
	p.click(".wall .primary")
	p.unlock(world.Token)
	p.until(live)
	p.until(`document.querySelector(".wall").hidden`)
	p.says("#main", "kitchen")
}
