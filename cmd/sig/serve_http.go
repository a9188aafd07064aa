package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sigrouter/sigrouter/carrier/ws"
	"github.com/sigrouter/sigrouter/dashboard"
	"github.com/sigrouter/sigrouter/internal/certs"
	"github.com/sigrouter/sigrouter/internal/origin"
	"github.com/sigrouter/sigrouter/internal/sock"
	"github.com/sigrouter/sigrouter/metrics"
	"github.com/sigrouter/sigrouter/observe"
)

const (
	// defaultHTTP is where the HTTP server of sig serve is, when nobody says where to listen.
	defaultHTTP = "127.0.0.1:3080"
	// sharedWS is where WebSocket is at that server, when no --listen says so.
	sharedWS = "/sig"

	httpAuto = "auto"
	httpOff  = "off"
)

// httpFlags are the flags about what is served over HTTP.
type httpFlags struct {
	at, metrics      string // addresses; "" for none
	pprof            bool
	token            string // a file
	hosts, origins   []string
	dashboard        dashboard.Options
	atURL, metricURL *url.URL // what validate made of the addresses; nil for none

	atSocket, metricSocket *handover // sockets to take over at these; nil for none
}

func (f *httpFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.at, "http", httpAuto, "`address` of the HTTP server with dashboard, WebSocket, metrics and health: host:port, https://host:port, systemd:NAME, or off; auto is "+defaultHTTP+", or off when --listen is given")
	flags.StringVar(&f.metrics, "metrics", httpOff, "`address` of another HTTP server that has metrics and health alone, for everybody who reaches it unless there is a --token-file: host:port, https://host:port, systemd:NAME, or off")
	flags.BoolVar(&f.pprof, "pprof", false, "serve Go's profiles at /debug/pprof/ of the HTTP server")
	flags.StringVar(&f.token, "dashboard-token-file", "", "`file` with the token that lets the dashboard trigger, request and disconnect; tokens of --token-file do too")
	flags.StringArrayVar(&f.hosts, "allowed-host", nil, "a `name` by which web pages may call this machine besides localhost; may be given several times")
	flags.StringArrayVar(&f.origins, "allowed-origin", nil, "the `origin` of web pages that may connect besides those served here, such as https://app.example.com; may be given several times")
}

// validate finds what makes no sense.
func (f *httpFlags) validate(listens, certificate bool, wrong *problems) {
	if f.at == httpAuto {
		f.at = defaultHTTP
		if listens {
			f.at = httpOff
		}
	}
	var err error
	f.atURL, f.atSocket, err = httpURL("--http", f.at, certificate)
	wrong.add("http", err)
	f.metricURL, f.metricSocket, err = httpURL("--metrics", f.metrics, certificate)
	wrong.add("metrics", err)
	if f.pprof && f.atURL == nil && !wrong.has("http") {
		wrong.add("pprof", usagef("--pprof needs --http, which says where"))
	}
	wrong.add("dashboard-token-file", f.readToken())
}

// readToken reads the token of the dashboard.
func (f *httpFlags) readToken() error {
	if f.token == "" {
		return nil
	}
	text, err := os.ReadFile(f.token)
	if err != nil {
		return usagef("--dashboard-token-file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return usagef("--dashboard-token-file: %s has to hold one word, the token; sig token makes one", f.token)
	}
	f.dashboard.Token = dashboard.Token(token)
	return nil
}

// checkUseless finds settings that would do nothing. Web says that there is an address of
// WebSocket elsewhere.
func (f *httpFlags) checkUseless(web bool, wrong *problems) {
	if wrong.has("http", "metrics") {
		return
	}
	if f.token != "" && f.atURL == nil && !wrong.has("dashboard-token-file") {
		wrong.add("dashboard-token-file", usagef("--dashboard-token-file has no effect without --http, where the dashboard is"))
	}
	if web || f.atURL != nil || f.metricURL != nil {
		return
	}
	const pages = "has no effect without --http, --metrics or a ws:// address, which web pages can reach"
	if f.hosts != nil {
		wrong.add("allowed-host", usagef("--allowed-host "+pages))
	}
	if f.origins != nil {
		wrong.add("allowed-origin", usagef("--allowed-origin "+pages))
	}
}

// encryptedURL reports whether an HTTP server, nil for none, speaks TLS.
func encryptedURL(at *url.URL) bool { return at != nil && at.Scheme == "https" }

// httpURL reads an address of an HTTP server; nil is none. Of a socket that is to be taken
// over, the URL has no host yet.
func httpURL(flag, address string, certificate bool) (*url.URL, *handover, error) {
	if address == "" || address == httpOff {
		return nil, nil, nil
	}
	if isHandover(address) {
		h, err := parseHandoverAs(address, "http", "https")
		if err != nil {
			return nil, nil, usagef("%s: %w", flag, err)
		}
		u := &url.URL{Scheme: cmp.Or(h.as, "http"), Path: "/"}
		return u, h, needsCertificate(flag, address, u.Scheme, certificate)
	}
	scheme, at, ok := strings.Cut(strings.TrimSuffix(address, "/"), "://")
	if !ok {
		scheme, at = "http", scheme
	}
	host, port, err := net.SplitHostPort(at)
	if err == nil {
		err = sock.Check(host, port)
	}
	switch {
	case scheme != "http" && scheme != "https":
		return nil, nil, usagef("%s is %q; it has to be host:port, https://host:port, systemd:NAME or off", flag, address)
	case err != nil || port == "":
		return nil, nil, usagef("%s is %q, which is no address such as %s", flag, address, defaultHTTP)
	}
	return &url.URL{Scheme: scheme, Host: at, Path: "/"}, nil, needsCertificate(flag, address, scheme, certificate)
}

func needsCertificate(flag, address, scheme string, certificate bool) error {
	if scheme == "https" && !certificate {
		return usagef("%s %s needs a certificate; give it with --tls-cert and --tls-key", flag, address)
	}
	return nil
}

// takes reports whether a socket is one that an HTTP server takes over.
func (f *httpFlags) takes(s passedSocket) bool {
	return f.atSocket != nil && f.atSocket.takes(s) || f.metricSocket != nil && f.metricSocket.takes(s)
}

// shared reports whether an address is one of WebSocket at the HTTP server.
func (f *httpFlags) shared(address string) bool {
	u, err := url.Parse(address)
	if err != nil || f.atURL == nil || f.atURL.Host == "" {
		return false
	}
	scheme := map[string]string{"ws": "http", "wss": "https"}[u.Scheme]
	return scheme == f.atURL.Scheme && u.Host == f.atURL.Host && f.atURL.Port() != "0"
}

// checkShared reports a path of WebSocket that is something else's.
func (f *httpFlags) checkShared(address string) error {
	if !f.shared(address) {
		return nil
	}
	u, _ := url.Parse(address)
	if u.Path == "" || u.Path == "/" || strings.HasPrefix(u.Path, "/api/") || strings.HasPrefix(u.Path, "/debug/") ||
		slices.Contains([]string{"/metrics", "/healthz", "/readyz", "/socket"}, u.Path) {
		return usagef("%s is where the HTTP server has something else; choose a path such as %s", address, sharedWS)
	}
	return nil
}

// startHTTP starts what is served over HTTP.
func (d *daemon) startHTTP(ctx context.Context) error {
	if err := d.startShared(ctx); err != nil {
		return err
	}
	if d.flags.http.metricURL == nil {
		return nil
	}
	h := d.observe(true)
	only := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metrics", "/healthz", "/readyz":
			h.ServeHTTP(w, r)
		default:
			observe.Fail(w, http.StatusNotFound, "there is nothing at %s; here are /metrics, /healthz and /readyz", origin.Brief(r.URL.Path))
		}
	})
	s, err := d.newHTTP(ctx, "--metrics", d.flags.http.metricURL, d.flags.http.metricSocket)
	if err != nil {
		return err
	}
	d.metricsHTTP = s
	s.serve(only)
	return nil
}

// startShared starts the server with everything.
func (d *daemon) startShared(ctx context.Context) error {
	if d.flags.http.atURL == nil {
		return nil
	}
	s, err := d.newHTTP(ctx, "--http", d.flags.http.atURL, d.flags.http.atSocket)
	if err != nil {
		return err
	}
	d.http = s
	h := &site{daemon: d, sockets: map[string]http.Handler{}, observe: d.observe(false)}
	o := d.flags.http.dashboard
	o.AllowedHosts, o.AllowedOrigins, o.Log = d.hosts(s), d.flags.http.origins, d.log
	h.dashboard = o.Handler(d.srv)
	h.profiles = h.observe.Guard("pprof", http.HandlerFunc(profile))
	h.paths = d.sharedPaths()
	for _, path := range h.paths {
		h.sockets[path] = d.shareWS(s, path)
	}
	s.serve(h)
	return nil
}

// sharedPaths returns where WebSocket is at the HTTP server.
func (d *daemon) sharedPaths() (paths []string) {
	for _, address := range d.flags.listen {
		if d.flags.http.shared(address) {
			u, _ := url.Parse(address) // shared has read it
			paths = append(paths, u.EscapedPath())
		}
	}
	if paths == nil {
		paths = []string{sharedWS}
	}
	return paths
}

// shareWS accepts WebSocket connections at a path of the HTTP server.
func (d *daemon) shareWS(s *httpServer, path string) http.Handler {
	u := url.URL{Scheme: "ws" + strings.TrimPrefix(s.url.Scheme, "http"), Host: s.url.Host, Path: path}
	o := d.flags.webOptions(d.log)
	o.URL, o.AllowedHosts = u.String(), d.hosts(s)
	l := sharedListener{ws.NewListener(o), s.certs}
	d.listeners = append(d.listeners, l)
	d.serve(l)
	return l
}

// A sharedListener is WebSocket at the HTTP server.
type sharedListener struct {
	*ws.Listener
	certs *certs.Server // nil: no TLS
}

// Reload reads the certificate files of the HTTP server again.
func (l sharedListener) Reload() error {
	if l.certs == nil {
		return nil
	}
	return l.certs.Reload()
}

// hosts are the names by which a server may be called.
func (d *daemon) hosts(s *httpServer) []string {
	if s.loopback && s.asked != "" {
		return append(slices.Clone(d.flags.http.hosts), s.asked)
	}
	return d.flags.http.hosts
}

// observe returns the handler for metrics, health and the inspection.
func (d *daemon) observe(open bool) *observe.Handler {
	return observe.Options{
		AllowedHosts: d.flags.http.hosts, AllowedOrigins: d.flags.http.origins, Open: open, Ready: d.isReady, Log: d.log,
		Metrics: metrics.Options{HTTPRefused: d.httpRefused},
	}.Handler(d.srv)
}

// httpRefused returns how many connections the HTTP servers have turned away.
func (d *daemon) httpRefused() uint64 {
	if !d.started.Load() { // one of them may not be there yet
		return 0
	}
	return d.http.Refused() + d.metricsHTTP.Refused()
}

var errStarting = errors.New("not started yet")

// isReady reports what keeps the router from taking clients.
func (d *daemon) isReady() error {
	if !d.started.Load() {
		return errStarting
	}
	return nil
}

// stopHTTP ends the servers when the router has drained.
func (d *daemon) stopHTTP(ctx context.Context) {
	for _, s := range []*httpServer{d.http, d.metricsHTTP} {
		if s != nil {
			s.stop(ctx)
		}
	}
}

// A site is what there is at the HTTP server.
type site struct {
	*daemon
	sockets   map[string]http.Handler // WebSocket, by path
	paths     []string                // of these
	observe   *observe.Handler
	dashboard http.Handler
	profiles  http.Handler
}

// ServeHTTP finds what a request is for.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if socket := s.sockets[r.URL.EscapedPath()]; socket != nil {
		socket.ServeHTTP(w, r)
		return
	}
	switch {
	case path != "/socket" && websocket(r): // that is the dashboard's
		ws.NotHere(w, r, s.paths[0])
	case strings.HasPrefix(path, "/debug/pprof"):
		if !s.flags.http.pprof {
			observe.Fail(w, http.StatusNotFound, "profiles are off; start the router with --pprof for them")
			return
		}
		s.profiles.ServeHTTP(w, r)
	case path == "/metrics", path == "/healthz", path == "/readyz", path == "/debug/vars", path == "/api", strings.HasPrefix(path, "/api/"):
		s.observe.ServeHTTP(w, r)
	default:
		s.dashboard.ServeHTTP(w, r)
	}
}

// websocket reports whether a request asks for a WebSocket.
func websocket(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// profile serves Go's profiles. They may take long.
func profile(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost { // tools post long lists of symbols
		w.Header().Set("Allow", "GET, POST")
		observe.Fail(w, http.StatusMethodNotAllowed, "method %s is not allowed; allowed are GET, POST", origin.Brief(r.Method))
		return
	}
	withoutDeadline(w)
	switch strings.TrimPrefix(r.URL.Path, "/debug/pprof/") {
	case "cmdline":
		pprof.Cmdline(w, r)
	case "profile":
		pprof.Profile(w, r)
	case "symbol":
		pprof.Symbol(w, r)
	case "trace":
		pprof.Trace(w, r)
	default:
		pprof.Index(w, r)
	}
}

// errPort says what to do about a port of the HTTP server that is taken.
func errPort(flag string, err error) error {
	return fmt.Errorf("cannot serve HTTP: %w; %s says where else, or %s %s nowhere", err, flag, flag, httpOff)
}
