package observe

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/certs"
	"github.com/sigrouter/sigrouter/internal/origin"
	"github.com/sigrouter/sigrouter/metrics"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// Options tunes a Handler. The zero value is ready for use.
type Options struct {
	// AllowedHosts and AllowedOrigins are the names by which the server may be called and
	// the origins of web pages that may ask, as in ws.Options.
	AllowedHosts   []string
	AllowedOrigins []string

	// Open lets everybody inspect a router without Login who reaches the handler, not only
	// programs of this machine. A router with a Login is never open.
	Open bool

	// Ready reports what keeps the program from its work, nil for nothing. /readyz asks it;
	// the error goes to the log and to nobody else. Nil means that it is ready for as long
	// as the router is not shut down.
	Ready func() error

	// Metrics tunes /metrics.
	Metrics metrics.Options

	// Log gets a line for each request that is refused. Nil means none.
	Log *slog.Logger
}

// A Handler is an http.Handler that tells of a router. It needs no closing.
type Handler struct {
	options Options
	srv     *router.ServerRouter
	mux     *http.ServeMux
}

// Handler returns a handler for the router, which counts from now on.
func (o Options) Handler(srv *router.ServerRouter) *Handler {
	h := &Handler{options: o, srv: srv, mux: http.NewServeMux()}
	h.mux.HandleFunc("/healthz", get(func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") }))
	h.mux.HandleFunc("/readyz", get(h.ready))
	h.mux.Handle("/metrics", h.Guard("metrics", get(o.Metrics.New(srv).ServeHTTP)))
	h.mux.Handle("/debug/vars", h.Guard("metrics", get(h.vars)))
	h.mux.Handle("/api/{$}", h.Guard("status", get(h.index)))
	h.mux.Handle("/api/{method}", h.checked(http.HandlerFunc(h.api)))
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		Fail(w, http.StatusNotFound, "there is nothing at %s; see /metrics, /healthz, /readyz, /debug/vars and /api/", origin.Brief(r.URL.Path))
	})
	return h
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
	h.mux.ServeHTTP(w, r)
}

// Guard returns a handler that serves next to those who may request the method of the
// sender #router, which need not be one that there is, and refuses everybody else. It also
// refuses requests of web pages from elsewhere. It is for what a program has beside this
// handler.
func (h *Handler) Guard(method string, next http.Handler) http.Handler {
	return h.checked(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, info, err := h.who(r)
		if err == nil {
			err = h.may(id, info, method)
		}
		if err != nil {
			h.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// checked refuses what comes from web pages elsewhere.
func (h *Handler) checked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := cmp.Or(origin.CheckHost(r, h.options.AllowedHosts), origin.Check(r, h.options.AllowedOrigins))
		if err != nil {
			h.note(r, http.StatusForbidden, err)
			Fail(w, http.StatusForbidden, "%s", err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// errLogin is what everybody is told who is not known.
var errLogin = errors.New("not logged in: this router wants a token it knows, in the header Authorization: Bearer TOKEN")

// loginTimeout bounds how long it may take to find out who somebody is.
const loginTimeout = 5 * time.Second

// who says who sent a request.
func (h *Handler) who(r *http.Request) (auth.Identity, carrier.Info, error) {
	info := infoOf(r)
	token := ""
	if header := r.Header.Get("Authorization"); header != "" {
		kind, rest, _ := strings.Cut(header, " ")
		token = strings.TrimSpace(rest)
		if !strings.EqualFold(kind, "Bearer") || token == "" {
			return auth.Identity{}, info, errLogin
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), loginTimeout)
	defer cancel()
	id, err := h.srv.Authenticate(ctx, token, info)
	if err != nil {
		h.note(r, http.StatusUnauthorized, err)
		return id, info, errLogin
	}
	return id, info, nil
}

// may reports why somebody may not use a method.
func (h *Handler) may(id auth.Identity, info carrier.Info, method string) error {
	return h.srv.MayInspect(id, h.near(info), method)
}

// near is the Info of a request where the handler is open.
func (h *Handler) near(info carrier.Info) carrier.Info {
	info.Loopback = info.Loopback || h.options.Open
	return info
}

// infoOf describes the other end of a request.
func infoOf(r *http.Request) carrier.Info {
	info := carrier.Info{Carrier: "http", Remote: r.RemoteAddr}
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		info.Loopback = ap.Addr().Unmap().IsLoopback() && !origin.Forwarded(r)
	}
	if r.TLS != nil {
		info.Carrier = "https"
		info.Identity = certs.Identity(*r.TLS)
	}
	return info
}

// ready says whether the router takes clients.
func (h *Handler) ready(w http.ResponseWriter, r *http.Request) {
	var err error
	if h.srv.Closing() {
		err = sig.ErrShuttingDown
	} else if h.options.Ready != nil {
		err = h.options.Ready()
	}
	if err != nil {
		h.note(r, http.StatusServiceUnavailable, err)
		say(w, http.StatusServiceUnavailable, "not ready")
		return
	}
	say(w, http.StatusOK, "ready")
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // who asked may have gone
}

// get lets GET and HEAD pass.
func get(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			notAllowed(w, r, "GET, HEAD")
			return
		}
		next(w, r)
	}
}

func notAllowed(w http.ResponseWriter, r *http.Request, allowed string) {
	w.Header().Set("Allow", allowed)
	Fail(w, http.StatusMethodNotAllowed, "method %s is not allowed at %s; allowed are %s", origin.Brief(r.Method), origin.Brief(r.URL.Path), allowed)
}

// refuse answers a request that failed.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if status == http.StatusForbidden {
		h.note(r, status, err)
	}
	Fail(w, status, "%s", err)
}

// statusOf returns the status of HTTP for an error.
func statusOf(err error) int {
	for _, c := range []struct {
		err    error
		status int
	}{
		{errLogin, http.StatusUnauthorized},
		{sig.ErrRefused, http.StatusForbidden},
		{sig.ErrInvalid, http.StatusBadRequest},
		{sig.ErrNoEvent, http.StatusNotFound}, {sig.ErrNoMethod, http.StatusNotFound}, {sig.ErrNoSender, http.StatusNotFound},
		{sig.ErrLimit, http.StatusTooManyRequests},
		{sig.ErrShuttingDown, http.StatusServiceUnavailable},
	} {
		if errors.Is(err, c.err) {
			return c.status
		}
	}
	return http.StatusInternalServerError
}

func (h *Handler) note(r *http.Request, status int, err error) {
	if h.options.Log != nil {
		h.options.Log.Warn("http request refused", "remote", r.RemoteAddr, "status", status, "err", err.Error())
	}
}

// Fail answers with a status and one line of JSON that says why:
//
//	{"error":"..."}
func Fail(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	write(w, status, map[string]string{"error": fmt.Sprintf(format, args...)})
}

// write answers with JSON.
func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // who asked may have gone
}
