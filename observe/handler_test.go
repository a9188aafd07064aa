package observe_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/internal/promtext"
	"github.com/sigrouter/sigrouter/observe"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A web is a router with its HTTP server.
type web struct {
	t   *testing.T
	srv *router.ServerRouter
	url string
}

func serve(t *testing.T, ro router.ServerOptions, o observe.Options) *web {
	t.Helper()
	srv := ro.New()
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	server := httptest.NewServer(o.Handler(srv))
	t.Cleanup(server.Close)
	return &web{t, srv, server.URL}
}

// reply is an answer over HTTP.
type reply struct {
	status int
	header http.Header
	body   string
}

func (w *web) do(method, path, body string, headers ...string) reply {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	require.NoError(w.t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := tr.RoundTrip(r)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return reply{resp.StatusCode, resp.Header, string(text)}
}

func (w *web) get(path string, headers ...string) reply { return w.do("GET", path, "", headers...) }

// says checks that an answer is one line of JSON with an error.
func (r reply) says(t *testing.T, status int, what string) {
	t.Helper()
	require.Equal(t, status, r.status, r.body)
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
	require.Equal(t, 1, strings.Count(r.body, "\n"), r.body)
	var e struct{ Error string }
	require.NoError(t, json.Unmarshal([]byte(r.body), &e), r.body)
	require.Contains(t, e.Error, what)
}

func (r reply) decode(t *testing.T, v any) {
	t.Helper()
	require.Equal(t, 200, r.status, r.body)
	require.NoError(t, json.Unmarshal([]byte(r.body), v), r.body)
}

func TestAPI(t *testing.T) {
	w := serve(t, router.ServerOptions{Name: "kitchen"}, observe.Options{})
	thermo, err := w.srv.AddSender("thermo", sig.Events("celsius", "humid"))
	require.NoError(t, err)
	celsius, err := thermo.Signal("celsius")
	require.NoError(t, err)
	for i := range 3 {
		require.NoError(t, celsius.Trigger(20.5+float64(i)))
	}

	var st router.Status
	w.get("/api/status").decode(t, &st)
	require.Equal(t, "kitchen", st.Name)
	require.EqualValues(t, 3, st.Events)
	var snap router.Snapshot
	w.get("/api/snapshot").decode(t, &snap)
	require.Len(t, snap.Signals, 2)
	var page router.SignalPage
	w.get("/api/signals?query=CELS&limit=5").decode(t, &page)
	require.Equal(t, 1, page.Total)
	require.Equal(t, "22.5", page.Signals[0].Last.Data)
	var detail router.SignalDetail
	w.get("/api/signal?sender=thermo&event=celsius&after=1").decode(t, &detail)
	require.Len(t, detail.Values, 2)
	var routes router.Routes
	w.get("/api/routes?unheard=true").decode(t, &routes)
	require.Equal(t, 2, routes.Unheard)
	var fromBody router.Routes
	w.do("POST", "/api/routes", `{"query":"humid"}`, "Content-Type", "application/json").decode(t, &fromBody)
	require.Equal(t, 1, fromBody.Total)
	var changes router.Changes
	w.get("/api/changes?parts=status,signals").decode(t, &changes)
	require.Len(t, changes.Signals, 2)
	require.NotNil(t, changes.Status)
	for _, path := range []string{"history", "peers", "senders", "links", "requests", "carriers", "tail"} {
		r := w.get("/api/" + path)
		require.Equal(t, 200, r.status, r.body)
		require.True(t, json.Valid([]byte(r.body)))
		require.Equal(t, "no-store", r.header.Get("Cache-Control"))
	}
	var index struct{ Endpoints map[string]string }
	w.get("/api/").decode(t, &index)
	require.Contains(t, index.Endpoints, "/api/signal")
}

// The docs have every method that there is, and its parameters.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/observability.md")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(text), "\n## As requests\n")
	section, _, _ = strings.Cut(section, "\n## ")
	w := serve(t, router.ServerOptions{}, observe.Options{})
	var index struct{ Endpoints map[string]string }
	w.get("/api/").decode(t, &index)
	require.Equal(t, len(index.Endpoints), strings.Count(section, "\n| `"))
	for path := range index.Endpoints {
		name := strings.TrimPrefix(path, "/api/")
		require.Contains(t, section, "\n| `"+name+"` |")
		r := w.get(path + "?nonsense=1")
		_, params, ok := strings.Cut(r.body, "known are ")
		for p := range strings.SplitSeq(strings.TrimSuffix(params, "\"}\n"), ", ") {
			require.True(t, !ok || strings.Contains(section, "`"+p+"`"), "%s of %s", p, name)
		}
	}
}

func TestWhatBadRequestsGet(t *testing.T) {
	w := serve(t, router.ServerOptions{}, observe.Options{AllowedHosts: []string{"router.lan"}})
	const js = "application/json"
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		says               string
	}{
		"no such path":          {"GET", "/nothing", "", nil, 404, "/metrics, /healthz"},
		"no such method":        {"GET", "/api/nothing", "", nil, 404, "there are carriers, changes"},
		"no such event":         {"GET", "/api/signal?sender=a&event=b", "", nil, 404, "no sender"},
		"a method of HTTP":      {"DELETE", "/api/status", "", nil, 405, "allowed are GET, HEAD, POST"},
		"GET for an action":     {"GET", "/api/disconnect", "", nil, 405, "allowed are POST"},
		"POST for metrics":      {"POST", "/metrics", "", nil, 405, "allowed are GET, HEAD"},
		"POST for health":       {"POST", "/healthz", "", nil, 405, "GET, HEAD"},
		"unknown parameter":     {"GET", "/api/routes?qurey=x", "", nil, 400, "known are limit, offset, query, unheard"},
		"parameter of none":     {"GET", "/api/status?x=1", "", nil, 400, "there are none here"},
		"twice":                 {"GET", "/api/routes?query=a&query=b", "", nil, 400, "given 2 times"},
		"no number":             {"GET", "/api/routes?limit=ten", "", nil, 400, `limit is "ten"; it has to be a whole number`},
		"no truth":              {"GET", "/api/routes?unheard=perhaps", "", nil, 400, "true or false"},
		"not JSON":              {"POST", "/api/routes", `{"query":`, []string{"Content-Type", js}, 400, "not JSON: at byte 9"},
		"no object":             {"POST", "/api/routes", `[1]`, []string{"Content-Type", js}, 400, "not a JSON object"},
		"no body":               {"POST", "/api/routes", ``, []string{"Content-Type", js}, 400, "not JSON"},
		"wrong params":          {"POST", "/api/routes", `{"query":7}`, []string{"Content-Type", js}, 400, "invalid params"},
		"too long":              {"POST", "/api/routes", `{"query":"` + strings.Repeat("x", 70_000) + `"}`, []string{"Content-Type", js}, 413, "at most 65536 bytes"},
		"what a form sends":     {"POST", "/api/routes", `{}`, []string{"Content-Type", "text/plain"}, 415, "application/json"},
		"no peer":               {"POST", "/api/disconnect", `{"peer":99}`, []string{"Content-Type", js}, 400, "99"},
		"a foreign host":        {"GET", "/api/status", "", []string{"Host", "evil.example"}, 403, "evil.example"},
		"a foreign origin":      {"GET", "/metrics", "", []string{"Origin", "https://evil.example"}, 403, "evil.example"},
		"behind a proxy":        {"GET", "/api/status", "", []string{"X-Forwarded-For", "192.0.2.1"}, 403, "only programs of the router's machine"},
		"metrics behind one":    {"GET", "/metrics", "", []string{"Via", "1.1 proxy"}, 403, "only programs of the router's machine"},
		"another authorisation": {"GET", "/api/status", "", []string{"Authorization", "Basic Zm9vOmJhcg=="}, 401, "Bearer TOKEN"},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.do(c.method, c.path, c.body, c.headers...)
			r.says(t, c.status, c.says)
			if c.status == 405 {
				require.Contains(t, c.says, r.header.Get("Allow"))
			}
			if c.status == 401 {
				require.Equal(t, "Bearer", r.header.Get("WWW-Authenticate"))
			}
		})
	}
	require.Equal(t, 200, w.get("/api/status", "Host", "router.lan:3080").status)
	require.Equal(t, 200, w.do("HEAD", "/metrics", "").status)
}

// Without login nothing is told but health, whatever is asked for and with whatever token;
// with one no more than it permits.
func TestLogin(t *testing.T) {
	const secret, scraper = "sig_boss_1", "sig_prom_2"
	login, err := auth.Parse("tokens", strings.NewReader(fmt.Sprintf(
		"token boss %s ops\ntoken prom %s scrape\nallow ops any >\nallow scrape request #router metrics\n", auth.Hash(secret), auth.Hash(scraper))))
	require.NoError(t, err)
	w := serve(t, router.ServerOptions{Login: login}, observe.Options{Open: true})
	var paths []string
	for _, m := range []string{"snapshot", "status", "history", "peers", "senders", "signals", "signal", "routes", "requests", "links", "carriers", "changes", "tail", "log"} {
		paths = append(paths, "/api/"+m)
	}
	for _, path := range append(paths, "/api/", "/metrics", "/debug/vars") {
		for _, token := range []string{"", "Bearer sig_boss_2", "bearer  ", "Basic " + secret, secret} {
			var headers []string
			if token != "" {
				headers = []string{"Authorization", token}
			}
			r := w.get(path, headers...)
			r.says(t, 401, "not logged in")
			require.NotContains(t, r.body, "sig_boss")
		}
	}
	w.do("POST", "/api/disconnect", `{"peer":1}`, "Content-Type", "application/json").says(t, 401, "not logged in")
	require.Equal(t, "ok\n", w.get("/healthz").body)
	require.Equal(t, "ready\n", w.get("/readyz").body)
	require.Equal(t, 200, w.get("/api/status", "Authorization", "Bearer "+secret).status)
	require.Equal(t, 200, w.get("/metrics", "Authorization", "bearer "+scraper).status)
	for _, path := range paths {
		w.get(path, "Authorization", "Bearer "+scraper).says(t, 403, "not permitted")
	}
}

// Where there is no Login a handler may be open to all, and is not by itself.
func TestOpen(t *testing.T) {
	for _, open := range []bool{false, true} {
		srv := router.NewServer()
		defer srv.Close()
		h := observe.Options{Open: open}.Handler(srv)
		r := httptest.NewRequest("GET", "http://router.lan/metrics", nil) // from 192.0.2.1
		got := httptest.NewRecorder()
		h.ServeHTTP(got, r)
		require.Equal(t, open, got.Code == 200, got.Body)
	}
}

func TestReady(t *testing.T) {
	var reason error
	w := serve(t, router.ServerOptions{}, observe.Options{Ready: func() error { return reason }})
	require.Equal(t, 200, w.get("/readyz").status)
	reason = errors.New("the secret disk is full")
	r := w.get("/readyz")
	require.Equal(t, 503, r.status)
	require.Equal(t, "not ready\n", r.body)
	reason = nil
	require.NoError(t, w.srv.Shutdown(t.Context()))
	require.Equal(t, 503, w.get("/readyz").status)
	require.Equal(t, 200, w.get("/healthz").status, "it answers for as long as it lives")
}

func TestMetricsAndVars(t *testing.T) {
	w := serve(t, router.ServerOptions{Name: "kitchen"}, observe.Options{})
	r := w.get("/metrics")
	require.Equal(t, 200, r.status)
	p, err := promtext.Parse(r.body, false)
	require.NoError(t, err)
	_, n := p.Value("sig_info", "name", "kitchen")
	require.Equal(t, 1, n)
	var vars struct {
		Cmdline  []string
		Memstats struct{ HeapAlloc uint64 }
		Sig      struct {
			Status router.Status
			Stats  router.ServerStats
		}
	}
	w.get("/debug/vars").decode(t, &vars)
	require.NotEmpty(t, vars.Cmdline)
	require.Positive(t, vars.Memstats.HeapAlloc)
	require.Equal(t, "kitchen", vars.Sig.Status.Name)
}
