// Package grafana holds a dashboard for Grafana, sig.json, and the tests that keep it true.
package grafana
