package metrics

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/sigrouter/sigrouter/router"
)

// A Router is what a Collector tells of: a *router.Router, *router.ServerRouter or
// *router.ClientRouter.
type Router interface {
	Inspect() router.Snapshot
}

// Options tunes a Collector. The zero value is ready for use.
type Options struct {
	// MaxNames is how many values a label has at most, for each kind of metric; what is
	// beyond is added up as "other". A name that has not been there for an hour makes
	// room for another. Zero means 1,000.
	MaxNames int

	// HTTPRefused returns how many connections the program's HTTP server has turned away.
	// Nil means that there is no such count.
	HTTPRefused func() uint64
}

// A Collector writes the metrics of one router. Its counters begin with the inspection of
// the router, which New begins. They never go back: what a peer or a sender that has gone
// has counted is kept under its name.
//
// It may be used by several goroutines at once, and needs no closing.
type Collector struct {
	router      Router
	most        int
	httpRefused func() uint64 // nil: nobody counts

	mu      sync.Mutex
	signals tally[signalName]
	peers   tally[string]
	drops   tally[string]
	methods map[methodName]bool // that have series of their own
}

// New makes a Collector with default options.
func New(r Router) *Collector { return Options{}.New(r) }

// New makes a Collector.
func (o Options) New(r Router) *Collector {
	if o.MaxNames <= 0 {
		o.MaxNames = 1000
	}
	r.Inspect() // from now on the router counts
	return &Collector{
		router: r, most: o.MaxNames, httpRefused: o.HTTPRefused,
		signals: newTally[signalName](o.MaxNames), peers: newTally[string](o.MaxNames), drops: newTally[string](o.MaxNames),
	}
}

// The media types of the two formats.
const (
	textType        = "text/plain; version=0.0.4; charset=utf-8"
	openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8"
)

// ServeHTTP answers GET and HEAD with the metrics, in the OpenMetrics format if the
// request accepts it.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are allowed", http.StatusMethodNotAllowed)
		return
	}
	open := strings.Contains(r.Header.Get("Accept"), "application/openmetrics-text")
	var out bytes.Buffer
	_ = c.write(&out, open) // a buffer takes everything
	w.Header().Set("Content-Type", textType)
	if open {
		w.Header().Set("Content-Type", openMetricsType)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(out.Bytes()) // who asked may have gone
}

// Write writes the metrics in the text format, version 0.0.4.
func (c *Collector) Write(w io.Writer) error { return c.write(w, false) }

func (c *Collector) write(to io.Writer, open bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.router.Inspect()
	w := &writer{open: open}
	w.router(&s)
	if srv, ok := c.router.(interface{ Stats() router.ServerStats }); ok {
		w.server(srv.Stats())
	}
	if c.httpRefused != nil {
		w.one("sig_http_connections_refused", counter, float64(c.httpRefused()), "Connections to the HTTP server that were turned away.")
	}
	w.carriers(s.Carriers)
	w.links(s.Links, c.most)
	w.peers(c, &s)
	w.signals(c, &s)
	w.methods(c, s.Methods)
	w.process(&s.Router)
	w.end()
	_, err := to.Write(w.buf.Bytes())
	return err
}
