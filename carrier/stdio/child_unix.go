//go:build unix

package stdio

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup puts the child into a process group of its own: an interrupt from the terminal
// is this process's to pass on, and those that the child starts end with it.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminate(p *os.Process) { signalGroup(p, syscall.SIGTERM) }
func kill(p *os.Process)      { signalGroup(p, syscall.SIGKILL) }

func signalGroup(p *os.Process, s syscall.Signal) {
	if syscall.Kill(-p.Pid, s) != nil {
		_ = p.Signal(s)
	}
}

// terminateGroup is for what is left of a group whose first process has ended. The kernel
// gives the number to nobody else while there is any.
func terminateGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGTERM) }
