//go:build unix

package network

import (
	"io"
	"os"
	"strings"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/internal/pty"
)

// OwnSerial is Own over a serial line with checksums, which two pseudo terminals stand in
// for. It takes one client.
func OwnSerial(name string) Peer {
	// An address is the two ends.
	url := func(end string) string { return "serial://" + end + "?frame=cobs&baud=1000000" }
	router := func(addr string, _ bool) (func(), error) {
		end, _, _ := strings.Cut(addr, " ")
		srv, err := ownServer(sigrouter.Schemes(), url(end))
		if err != nil {
			return nil, err
		}
		return func() { _ = srv.Close() }, nil
	}
	dial := func(addr, _ string) (Client, error) {
		_, end, _ := strings.Cut(addr, " ")
		return ownDial(sigrouter.Schemes(), url(end), false)
	}
	return Peer{Name: name, Own: true, Addr: cable, Router: router, Dial: dial}
}

// cable joins two pseudo terminals.
func cable(string) (addr string, release func(), err error) {
	a, pathA, err := pty.Open()
	if err != nil {
		return "", nil, err
	}
	b, pathB, err := pty.Open()
	if err != nil {
		_ = a.Close()
		return "", nil, err
	}
	// The other ends are kept open, so that a program that closes its own does not end it all.
	var held []*os.File
	for _, path := range []string{pathA, pathB} {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return "", nil, err
		}
		held = append(held, f)
	}
	done := make(chan struct{}, 2)
	for from, to := range map[*os.File]*os.File{a: b, b: a} {
		go func() {
			_, _ = io.Copy(to, from)
			done <- struct{}{}
		}()
	}
	return pathA + " " + pathB, func() {
		for _, f := range append(held, a, b) {
			_ = f.Close()
		}
		<-done
		<-done
	}, nil
}
