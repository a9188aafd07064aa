//go:build unix && !linux

package supervise

import (
	"os/exec"
	"syscall"
)

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// Adopt does nothing here: the system's first process takes care of what is left.
func Adopt() error { return nil }

func reap(int) {}
