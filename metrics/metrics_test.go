package metrics_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/tcp"
	"github.com/sigrouter/sigrouter/internal/promtext"
	"github.com/sigrouter/sigrouter/metrics"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// scrape reads the metrics as a scraper would, strictly.
func scrape(t *testing.T, c *metrics.Collector) *promtext.Page {
	t.Helper()
	var page *promtext.Page
	for _, open := range []bool{true, false} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		if open {
			r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
		}
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		require.Equal(t, 200, w.Code)
		require.Equal(t, open, strings.HasPrefix(w.Header().Get("Content-Type"), "application/openmetrics-text"))
		var err error
		page, err = promtext.Parse(w.Body.String(), open)
		require.NoError(t, err)
	}
	return page
}

// value returns the value of the one sample with these labels.
func value(t *testing.T, p *promtext.Page, name string, labels ...string) float64 {
	t.Helper()
	v, n := p.Value(name, labels...)
	require.Equal(t, 1, n, "%s %q", name, labels)
	return v
}

type net struct {
	srv     *router.ServerRouter
	url     string
	schemes carrier.Schemes
}

func newNet(t *testing.T, o router.ServerOptions) *net {
	t.Helper()
	n := &net{schemes: carrier.NewSchemes(tcp.Scheme{})}
	o.Schemes = n.schemes
	n.srv = o.New()
	t.Cleanup(func() { require.NoError(t, n.srv.Close()) })
	l, err := n.srv.Listen(t.Context(), "tcp://127.0.0.1:0")
	require.NoError(t, err)
	n.url = l.URL()
	return n
}

func (n *net) dial(t *testing.T, name string) *router.ClientRouter {
	t.Helper()
	c, err := router.ClientOptions{Name: name, Schemes: n.schemes}.Dial(t.Context(), n.url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// gone waits until no client is connected.
func (n *net) gone(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return len(n.srv.Peers()) == 0 }, 10*time.Second, time.Millisecond)
}

// events waits until so many have been dispatched.
func (n *net) events(t *testing.T, want int) {
	t.Helper()
	require.Eventually(t, func() bool { return n.srv.Status().Events == uint64(want) }, 10*time.Second, time.Millisecond)
}

func trigger(t *testing.T, bus sig.Bus, sender, event string, n int) {
	t.Helper()
	s, err := bus.AddSender(sender, sig.Events(event))
	require.NoError(t, err)
	e, err := s.Signal(event)
	require.NoError(t, err)
	for i := range n {
		require.NoError(t, e.Trigger(i))
	}
	require.NoError(t, s.Remove())
}

func TestMetrics(t *testing.T) {
	n := newNet(t, router.ServerOptions{Name: "kitchen", Limits: carrier.Limits{MaxSenders: 1}})
	c := metrics.Options{HTTPRefused: func() uint64 { return 3 }}.New(n.srv)
	a := n.dial(t, "a")
	answers := func(_ context.Context, q sig.Request) (any, error) {
		if q.Params == nil {
			return nil, errors.New("nothing to echo")
		}
		return q.Params, nil
	}
	timer, err := a.AddRemoteSender(t.Context(), "timer", sig.Events("tic"), sig.Answer("echo", answers))
	require.NoError(t, err)
	_, err = a.AddRemoteSender(t.Context(), "one too many", sig.Events("tic"))
	require.ErrorIs(t, err, sig.ErrLimit)
	heard := make(chan sig.Event, 10)
	_, err = a.AddRemoteListener(t.Context(), "timer", "tic", func(e sig.Event) { heard <- e })
	require.NoError(t, err)
	tic, err := timer.Signal("tic")
	require.NoError(t, err)
	for i := range 3 {
		require.NoError(t, tic.Trigger(i))
		<-heard
	}
	_, err = n.srv.Request(t.Context(), "timer", "echo", 1)
	require.NoError(t, err)
	_, err = n.srv.Request(t.Context(), "timer", "echo", nil)
	require.Error(t, err)

	p := scrape(t, c)
	require.Equal(t, 1.0, value(t, p, "sig_info", "name", "kitchen"))
	require.Equal(t, 1.0, value(t, p, "sig_peers"))
	require.Equal(t, 1.0, value(t, p, "sig_connections"))
	require.Equal(t, 3.0, value(t, p, "sig_http_connections_refused_total"))
	require.Equal(t, 3.0, value(t, p, "sig_events_total"))
	require.Equal(t, 3.0, value(t, p, "sig_signal_events_total", "sender", "timer", "event", "tic"))
	require.Equal(t, 1.0, value(t, p, "sig_signal_listeners", "sender", "timer", "event", "tic"))
	require.Equal(t, 0.0, value(t, p, "sig_signal_events_total", "sender", "other"))
	require.Equal(t, 2.0, value(t, p, "sig_method_requests_total", "sender", "timer", "method", "echo"))
	require.Equal(t, 1.0, value(t, p, "sig_method_failures_total", "sender", "timer", "method", "echo"))
	require.Equal(t, 2.0, value(t, p, "sig_requests_total"))
	require.Equal(t, 1.0, value(t, p, "sig_requests_failed_total"))
	require.Equal(t, 1.0, value(t, p, "sig_limit_exceeded_total", "limit", "MaxSenders"))
	require.Equal(t, 0.0, value(t, p, "sig_limit_exceeded_total", "limit", "MaxMessage"))
	require.Equal(t, 1.0, value(t, p, "sig_carrier_connections_total", "carrier", "tcp"))
	require.Equal(t, 1.0, value(t, p, "sig_carrier_refused_messages_total", "carrier", "tcp"))
	require.Equal(t, 1.0, value(t, p, "sig_link_up", "url", n.url))
	require.Equal(t, 1.0, value(t, p, "sig_peer_connections", "peer", "a"))
	require.Positive(t, value(t, p, "sig_peer_received_bytes_total", "peer", "a"))
	require.Positive(t, value(t, p, "go_goroutines"))
	for _, reason := range []string{"listener_queue", "peer_queue", "peer_full", "peer_gone", "unencodable"} {
		require.Equal(t, 0.0, value(t, p, "sig_events_dropped_total", "reason", reason))
	}
	count := value(t, p, "sig_method_duration_seconds_count", "sender", "timer")
	require.Equal(t, count, value(t, p, "sig_method_duration_seconds_bucket", "sender", "timer", "le", "+Inf"))
}

// A Router without peers has metrics too.
func TestMetricsOfOneProcess(t *testing.T) {
	r := router.New()
	defer r.Close()
	c := metrics.New(r)
	trigger(t, r, "timer", "tic", 5)
	p := scrape(t, c)
	require.Equal(t, 5.0, value(t, p, "sig_events_total"))
	_, n := p.Value("sig_connections")
	require.Zero(t, n, "nobody can connect")
	var out bytes.Buffer
	require.NoError(t, c.Write(&out))
	_, err := promtext.Parse(out.String(), false)
	require.NoError(t, err)
}

// Counters never go back, whoever comes and goes, and lose nothing of what somebody
// counts who stays under its name.
func TestCountersOnlyGrow(t *testing.T) {
	n := newNet(t, router.ServerOptions{})
	c := metrics.New(n.srv)
	before := scrape(t, c)
	var received float64
	for round := range 3 {
		a := n.dial(t, "a")
		s, err := a.AddRemoteSender(t.Context(), "timer", sig.Events("tic"))
		require.NoError(t, err)
		tic, err := s.Signal("tic")
		require.NoError(t, err)
		require.NoError(t, tic.Trigger(round))
		n.events(t, round+1)
		p := scrape(t, c)
		grown(t, before, p)
		before = p
		require.EqualValues(t, round+1, value(t, p, "sig_signal_events_total", "sender", "timer"))
		now := value(t, p, "sig_peer_received_messages_total", "peer", "a")
		require.Greater(t, now, received)
		received = now
		require.NoError(t, a.Close())
		n.gone(t)
		p = scrape(t, c)
		grown(t, before, p)
		before = p
	}
	trigger(t, n.srv, "unseen", "event", 7) // between two looks
	p := scrape(t, c)
	require.Equal(t, 10.0, value(t, p, "sig_events_total"))
	require.Equal(t, 7.0, value(t, p, "sig_signal_events_total", "sender", "other"))
}

// grown checks that no counter is less than before.
func grown(t *testing.T, before, now *promtext.Page) {
	t.Helper()
	for _, s := range now.Samples {
		if now.Kinds[s.Name] != "counter" {
			continue
		}
		for _, b := range before.Samples {
			if b.Name == s.Name && fmt.Sprint(b.Labels) == fmt.Sprint(s.Labels) {
				require.GreaterOrEqual(t, s.Value, b.Value, "%s%v", s.Name, s.Labels)
			}
		}
	}
}

// However many names there are, a label has so many values and "other".
func TestNamesAreBounded(t *testing.T) {
	const most, there = 10, 40
	r := router.New()
	defer r.Close()
	c := metrics.Options{MaxNames: most}.New(r)
	for i := range there {
		name := fmt.Sprintf("sender%02d", i)
		s, err := r.AddSender(name, sig.Events("e"), sig.Answer("m", func(context.Context, sig.Request) (any, error) { return 1, nil }))
		require.NoError(t, err)
		e, err := s.Signal("e")
		require.NoError(t, err)
		require.NoError(t, e.Trigger(nil))
		_, err = r.Request(t.Context(), name, "m", nil)
		require.NoError(t, err)
	}
	for range 2 {
		p := scrape(t, c)
		for _, name := range []string{"sig_signal_events_total", "sig_signal_listeners", "sig_method_requests_total"} {
			series, sum := 0, 0.0
			for _, s := range p.Samples {
				if s.Name == name {
					series++
					sum += s.Value
				}
			}
			require.Equal(t, most+1, series, name)
			if name != "sig_signal_listeners" {
				require.EqualValues(t, there, sum, name)
				require.EqualValues(t, there-most, value(t, p, name, "sender", "other"))
			}
		}
	}
}

// Names are those that strangers choose. They stay values of labels.
func TestHostileNames(t *testing.T) {
	n := newNet(t, router.ServerOptions{})
	c := metrics.New(n.srv)
	hostile := []string{
		`quote"`, `back\slash`, `ends in\`, `"} 1`, `{x="y"}`, `<script>`, "other", "(other)", "\u202eright to left", strings.Repeat("ä", 127), "# TYPE x counter", `a\nb`,
	}
	a := n.dial(t, hostile[0])
	for _, name := range hostile {
		s, err := a.AddRemoteSender(t.Context(), name, sig.Events(name), sig.Answer(name, func(context.Context, sig.Request) (any, error) { return 1, nil }),
			sig.AnswerRest(func(context.Context, sig.Request) (any, error) { return 2, nil }))
		require.NoError(t, err)
		e, err := s.Signal(name)
		require.NoError(t, err)
		require.NoError(t, e.Trigger(1))
		for _, method := range []string{name, "other", "(other)", "else"} {
			_, err = n.srv.Request(t.Context(), name, method, nil)
			require.NoError(t, err)
		}
	}
	n.events(t, len(hostile))
	p := scrape(t, c)
	for _, name := range hostile {
		require.Equal(t, 1.0, value(t, p, "sig_signal_events_total", "sender", name, "event", name), name)
	}
	require.Equal(t, 1.0, value(t, p, "sig_peer_connections", "peer", hostile[0]))
	requests := 0.0
	for _, s := range p.Samples {
		if s.Name == "sig_method_requests_total" {
			requests += s.Value
		}
	}
	require.EqualValues(t, 4*len(hostile), requests)
}

// The list in the docs has every metric, with its kind, and no other.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/observability.md")
	require.NoError(t, err)
	listed := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `((?:sig|go|process)_[a-z_]+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(text), -1) {
		listed[m[1]] = m[2]
	}
	n := newNet(t, router.ServerOptions{})
	kinds := scrape(t, metrics.Options{HTTPRefused: func() uint64 { return 0 }}.New(n.srv)).Kinds
	if _, ok := kinds["process_open_fds"]; !ok { // not on this system
		delete(listed, "process_open_fds")
		delete(listed, "process_resident_memory_bytes")
	}
	require.Equal(t, listed, kinds)
}

func TestOnlyGet(t *testing.T) {
	r := router.New()
	defer r.Close()
	w := httptest.NewRecorder()
	metrics.New(r).ServeHTTP(w, httptest.NewRequest("POST", "/metrics", nil))
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
	require.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
}
