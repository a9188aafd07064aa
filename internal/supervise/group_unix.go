//go:build unix

package supervise

import "syscall"

func terminateGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGTERM) }
func killGroup(pid int)      { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// groupEnded reports whether nobody is left of a group whose first process has ended. The
// system gives its number to nobody else while there is any.
func groupEnded(pid int) bool {
	reap(pid)
	return syscall.Kill(-pid, 0) == syscall.ESRCH
}
