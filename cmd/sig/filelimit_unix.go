//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// ignoreFileSizeLimit makes a file that may not grow any more an error of the write, where
// the system would end the program.
func ignoreFileSizeLimit() { signal.Ignore(syscall.SIGXFSZ) }
