// Package echo is the example of Echo's documentation on package channel: a chat, of
// programs that publish and subscribe to one channel of the type "string pair".
//
//	go run ./cmd/sig serve --listen unix:/tmp/chat &   # the daemon
//	go run ./examples/echo/chat /tmp/chat              # in several shells
//	go run ./cmd/sig listen '>' chat --url unix:/tmp/chat
package echo
