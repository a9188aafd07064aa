// Package js holds the JavaScript client, so that a program can hand it to its pages:
//
//	mux.Handle("/sig.js", http.FileServerFS(js.Files))
package js

import "embed"

// Files holds sig.js, the client, and sig.d.ts, its types.
//
//go:embed sig.js sig.d.ts
var Files embed.FS
