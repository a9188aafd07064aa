// Package xbahn is the samples of xbahn's documentation, on packages path and api. Each is a
// server, which is a router of its own, and a client:
//
//	go run ./examples/xbahn/paths/server &
//	go run ./examples/xbahn/paths/client
//
//	messaging   send, respond, send and wait
//	paths       messages on dotted paths
//	api         methods that anybody can call
//	twoway      the server calls its clients
//	widget      instances by id, shared by all clients
//	aware       instances of each client, with a half on either side
//
// The methods can be called from the command line as well:
//
//	go run ./examples/xbahn/api/server &
//	go run ./cmd/sig request --url tcp://127.0.0.1:7050 server multiply '[7,6]'
package xbahn
