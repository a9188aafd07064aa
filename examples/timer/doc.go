// Package timer is the three programs of pysig's documentation: a server with a timer of its
// own, a client with another timer, and a client that listens to both.
//
//	go run ./examples/timer/server &
//	go run ./examples/timer/listener &      # hears timer, and another_timer while that runs
//	go run ./examples/timer/another_timer
//
// Each runs until Ctrl-C. The original programs can take the place of any of them, and sig
// can listen too:
//
//	go run ./cmd/sig listen '>' tic
package timer
