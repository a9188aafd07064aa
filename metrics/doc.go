// Package metrics says how a router is in the text format of Prometheus.
//
// A Collector is an http.Handler; mount it where your scraper looks:
//
//	mux.Handle("/metrics", metrics.New(srv))
//
// It asks nobody who they are: put it behind what your program does for that, or use package
// observe, which has it behind the router's own Login. docs/observability.md lists the
// metrics.
package metrics
