// Package dashboard is the live page of a router, as an http.Handler.
//
// Mount it in a server of yours. It may stand below a path; the page finds everything it
// needs beside itself:
//
//	mux.Handle("/dash/", http.StripPrefix("/dash", dashboard.Options{}.Handler(srv)))
//
// The page is a client like any other: it reaches the router through a WebSocket that the
// handler serves beside the page, and asks the built-in sender #router. The zero Options
// let everybody look who reaches the page, from this machine, and nobody change
// anything; Options.Token says who may.
//
// docs/dashboard.md shows the page and says what to do behind a proxy.
package dashboard
