//go:build !windows

package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func closeOnExec(fd int) { syscall.CloseOnExec(fd) }

// checkListening says why a descriptor is no socket at which somebody listens.
func checkListening(fd int) error {
	listening, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	switch {
	case errors.Is(err, syscall.EBADF):
		return usagef("no descriptor %d is open", fd)
	case err != nil || listening == 0:
		return usagef("descriptor %d is no socket that listens", fd)
	}
	return nil
}

// monotonic is the time since the system began, as its service manager counts.
func monotonic() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// onDumpSignal has c get the signals that ask for a dump.
func onDumpSignal(c chan<- os.Signal) { signal.Notify(c, syscall.SIGUSR1) }
