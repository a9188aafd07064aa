// Package observe tells what a router knows of itself over HTTP: metrics, health, and the
// answers of the built-in sender #router as JSON.
//
// Mount its handler in a server of yours, if need be below a path:
//
//	mux.Handle("/", observe.Options{}.Handler(srv))
//
// It serves
//
//	/healthz        whether the process answers
//	/readyz         whether the router takes clients
//	/metrics        see package metrics
//	/debug/vars     the same and the memory of the process, as package expvar would
//	/api/           what there is below it
//	/api/METHOD     what a request for METHOD to #router answers
//
// Health is for everybody and tells nothing else. The rest is for those who may inspect the
// router: where it has a Login, for those who show a token that may make that request; where
// it has none, for programs of this machine. docs/observability.md describes all of it.
package observe
