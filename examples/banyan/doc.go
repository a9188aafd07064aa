// Package banyan is the first example of Python Banyan's documentation, on package
// component: a server that publishes every "echo" it gets as a "reply", and a client that
// sends the next message when the reply to the one before has come.
//
//	go run ./cmd/sig serve &              # the backplane
//	go run ./examples/banyan/echo-server &
//	go run ./examples/banyan/echo-client  # 10 messages sent and received.
//	go run ./cmd/sig listen               # the monitor
//
// or all of it at once, until Ctrl-C:
//
//	go run ./cmd/sig launch examples/banyan/echo.toml
package banyan
