package metrics

import (
	"maps"
	"slices"
	"strconv"

	"github.com/sigrouter/sigrouter/router"
)

// unmeasured is what the router calls methods beyond those it measures one by one.
const unmeasured = "(other)"

// methods writes what is known of requests. The router itself bounds how many methods it
// tells apart, and keeps what was counted of a method when its sender goes.
func (w *writer) methods(c *Collector, measured []router.MethodStatus) {
	all := c.fewer(measured)
	w.family("sig_method_requests", counter, "Requests answered or failed, by sender and method.")
	for i := range all {
		w.count(all[i].Count, all[i].labels()...)
	}
	w.family("sig_method_failures", counter, "Requests failed, by the code of the error.")
	for i := range all {
		codes := all[i].Codes
		for _, code := range slices.Sorted(maps.Keys(codes)) {
			w.count(codes[code], append(all[i].labels(), "code", code)...)
		}
	}
	w.family("sig_method_in_flight", gauge, "Requests under way.")
	for i := range all {
		w.value(float64(all[i].InFlight), all[i].labels()...)
	}
	w.family("sig_method_duration_seconds", histogram, "How long requests took, of those that were timed.")
	for i := range all {
		w.times(&all[i])
	}
}

// times writes a histogram.
func (w *writer) times(m *method) {
	n := uint64(0)
	for i, c := range m.Times.Counts {
		n += c
		bound := "+Inf"
		if i < len(m.Times.Bounds) {
			bound = strconv.FormatFloat(m.Times.Bounds[i].Seconds(), 'g', -1, 64)
		}
		w.sample("_bucket", float64(n), append(m.labels(), "le", bound))
	}
	w.sample("_sum", m.Times.Sum.Seconds(), m.labels())
	w.sample("_count", float64(n), m.labels())
}

// A method is a MethodStatus with its labels.
type method struct {
	router.MethodStatus
}

func (m *method) labels() []string { return []string{"sender", m.Sender, "method", m.Method} }

// fewer adds the methods beyond those that have series of their own up as one. A method has
// its series for as long as the router knows it.
func (c *Collector) fewer(all []router.MethodStatus) []method {
	known := make(map[methodName]bool, len(c.methods))
	for _, m := range all {
		if n := (methodName{m.Sender, m.Method}); c.methods[n] {
			known[n] = true
		}
	}
	out := make([]method, 0, min(len(all), c.most+1))
	rest := method{router.MethodStatus{Sender: other, Method: other, Codes: map[string]uint64{}}}
	for _, m := range all {
		n := methodName{m.Sender, m.Method}
		if !known[n] && (len(known) >= c.most || n == methodName{unmeasured, unmeasured} || n == methodName{other, other}) {
			rest.add(&m)
			continue
		}
		known[n] = true
		out = append(out, method{m})
	}
	c.methods = known
	if rest.Count > 0 || rest.InFlight > 0 {
		out = append(out, rest)
	}
	return out
}

type methodName struct{ sender, method string }

func (m *method) add(o *router.MethodStatus) {
	m.Count += o.Count
	m.InFlight += o.InFlight
	for code, n := range o.Codes {
		m.Codes[code] += n
	}
	if m.Times.Counts == nil {
		m.Times.Bounds, m.Times.Counts = o.Times.Bounds, make([]uint64, len(o.Times.Counts))
	}
	m.Times.Sum += o.Times.Sum
	for i, n := range o.Times.Counts {
		m.Times.Counts[i] += n
	}
}
