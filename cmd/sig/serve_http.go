package main

import "context"

// startHTTP starts what is served over HTTP beside WebSocket, once the router listens.
func (d *daemon) startHTTP(context.Context) error { return nil }

// stopHTTP ends it, when the router has drained.
func (d *daemon) stopHTTP(context.Context) {}
