package dashboard

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/ws"
	"github.com/sigrouter/sigrouter/internal/origin"
	"github.com/sigrouter/sigrouter/router"
)

// Options tunes the dashboard. The zero value is ready for use: the page shows everything
// and changes nothing.
type Options struct {
	// Token reports whether a token that was entered in the page allows actions: to
	// trigger events, to send requests and to disconnect peers. It should compare in
	// constant time, as what Token returns does. Nil: no token does.
	//
	// Tokens of the server's Login are good too, for what that permits them.
	Token func(token string) bool

	// AllowedHosts are names, without port, by which the server may be called besides
	// localhost and the loopback addresses, as in ws.Options.
	AllowedHosts []string

	// AllowedOrigins are origins of other pages that may use the handler, as in
	// ws.Options. A proxy that passes Host on needs none.
	AllowedOrigins []string

	// Log gets a line for each request that is refused. Nil means none.
	Log *slog.Logger
}

// Handler returns the handler for the dashboard of a server: the page at /, what it needs
// beside it. Under another path wrap it in http.StripPrefix, and end the path in a slash.
// It starts no goroutine; clients of the page are peers of the server and end with it.
func (o Options) Handler(srv *router.ServerRouter) http.Handler {
	h := &handler{options: o, files: loadAssets()}
	gate := doorkeeper(o.Token)
	h.socket = &ws.Handler{
		Options: ws.Options{AllowedHosts: o.AllowedHosts, AllowedOrigins: o.AllowedOrigins, Log: o.Log},
		Serve: func(c carrier.Conn) {
			_ = srv.AttachThrough(c, gate) // a failure is told to the client
		},
	}
	return h
}

type handler struct {
	options Options
	files   map[string]asset
	socket  http.Handler
}

// socketPath is where the page's client connects, beside the page.
const socketPath = "socket"

// ServeHTTP serves the page, its files and its socket.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	for _, err := range []error{origin.CheckHost(r, h.options.AllowedHosts), origin.Check(r, h.options.AllowedOrigins)} {
		if err != nil {
			h.fail(w, r, http.StatusForbidden, err.Error())
			return
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		h.fail(w, r, http.StatusMethodNotAllowed, fmt.Sprintf("method %s is not allowed, only GET and HEAD are", origin.Brief(r.Method)))
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == socketPath {
		h.socket.ServeHTTP(w, r)
		return
	}
	file, ok := h.files[name]
	if !ok {
		h.fail(w, r, http.StatusNotFound, "no such page; the dashboard is one page, at the path it is mounted at")
		return
	}
	file.serve(w, r)
}

// guard sets the headers that keep the page to itself.
func guard(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
}

// fail answers with one line of JSON.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, status int, reason string) {
	if h.options.Log != nil {
		h.options.Log.Warn("dashboard request refused", "remote", r.RemoteAddr, "status", status, "err", reason)
	}
	body, _ := json.Marshal(map[string]string{"error": reason}) // of strings, never fails
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // who asked may have gone
}
