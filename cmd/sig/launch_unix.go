//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

func heedBrokenPipe(c chan os.Signal) (stop func()) {
	signal.Notify(c, syscall.SIGPIPE)
	return func() { signal.Stop(c) }
}
