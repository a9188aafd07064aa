//go:build !unix

// Package network puts routers through the same work over TCP. It needs a Unix system.
package network
