package stdio

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// unblock opens what fd stands for once more, without blocking, if it is a pipe or a
// terminal, and closes fd; that leaves the mode of the descriptors which others share
// alone. Otherwise it returns fd and false.
func unblock(fd, flags int) (int, bool) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return fd, false
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFIFO && kind != unix.S_IFCHR {
		return fd, false
	}
	again, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), flags|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return fd, false
	}
	unix.Close(fd)
	return again, true
}

// send writes to a socket without blocking. It fails with ENOTSOCK when fd is none.
func send(fd int, p []byte) (int, error) {
	return unix.SendmsgN(fd, p, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}
