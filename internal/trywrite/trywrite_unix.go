//go:build unix

package trywrite

import "syscall"

const supported = true

// writeFD writes to a descriptor in non-blocking mode.
func writeFD(fd uintptr, b []byte) (int, error) {
	total := 0
	for total < len(b) {
		n, err := syscall.Write(int(fd), b[total:])
		switch err {
		case nil:
			total += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return total, nil
		default:
			return total, err
		}
	}
	return total, nil
}
