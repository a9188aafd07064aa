package grafana

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/metrics"
	"github.com/sigrouter/sigrouter/sig"
)

// families are the metrics of a router that has done a little of everything, as
// Prometheus's parser reads them.
func families(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	srv := sigrouter.NewServer()
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	web := httptest.NewServer(metrics.New(srv))
	t.Cleanup(web.Close)
	l, err := srv.Listen(t.Context(), "tcp://127.0.0.1:0")
	require.NoError(t, err)
	c, err := sigrouter.Dial(t.Context(), l.URL())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	name := "a \"name\" with \\ and ünïcode"
	_, err = c.AddRemoteSender(t.Context(), name, sig.Events("tic"), sig.Answer("fail", func(context.Context, sig.Request) (any, error) {
		return nil, fmt.Errorf("always")
	}))
	require.NoError(t, err)
	_, err = srv.Request(t.Context(), name, "fail", nil)
	require.Error(t, err)

	resp, err := http.Get(web.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(resp.Body)
	require.NoError(t, err)
	var seen bool
	for _, m := range all["sig_signal_events_total"].Metric {
		seen = seen || labels(m)["sender"] == name
	}
	require.True(t, seen, "the name arrives as it is")
	return all
}

func labels(m *dto.Metric) map[string]string {
	all := map[string]string{}
	for _, l := range m.Label {
		all[l.GetName()] = l.GetValue()
	}
	return all
}

var (
	metricForm = regexp.MustCompile(`\b((?:sig|go|process)_[a-z_]+)\b`)
	byForm     = regexp.MustCompile(`by \(([^)]*)\)`)
	legendForm = regexp.MustCompile(`{{(\w+)}}`)
)

// Every metric and every label that the dashboard asks for is one that a router has.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("sig.json")
	require.NoError(t, err)
	var d struct {
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &d))
	all := families(t)
	queries := 0
	for _, p := range d.Panels {
		require.Equal(t, p.Type == "row", len(p.Targets) == 0, p.Title)
		for _, q := range p.Targets {
			queries++
			names := metricForm.FindAllString(q.Expr, -1)
			require.NotEmpty(t, names, q.Expr)
			known := []string{"instance", "job", "le"}
			for _, name := range names {
				f := all[strings.TrimSuffix(name, "_bucket")]
				require.NotNil(t, f, "%s: there is no %s", p.Title, name)
				require.NotEmpty(t, f.Metric, name)
				for label := range labels(f.Metric[0]) {
					known = append(known, label)
				}
				counts := f.GetType() == dto.MetricType_COUNTER || f.GetType() == dto.MetricType_HISTOGRAM
				require.Equal(t, counts, strings.Contains(q.Expr, "rate(") || strings.Contains(q.Expr, "increase("), "%s: a rate is of what only grows: %s", p.Title, q.Expr)
			}
			var wanted []string
			for _, m := range byForm.FindAllStringSubmatch(q.Expr, -1) {
				wanted = append(wanted, strings.Split(m[1], ", ")...)
			}
			for _, m := range legendForm.FindAllStringSubmatch(q.LegendFormat, -1) {
				wanted = append(wanted, m[1])
			}
			for _, label := range wanted {
				require.True(t, slices.Contains(known, label), "%s: %s has no label %s", p.Title, names, label)
			}
		}
	}
	require.Greater(t, queries, 30)
}
