//go:build unix && !linux

package stdio

import "golang.org/x/sys/unix"

// unblock does nothing here.
func unblock(fd, flags int) (int, bool) { return fd, false }

// send is not made for this system: poll alone must do.
func send(fd int, p []byte) (int, error) { return 0, unix.ENOTSOCK }
