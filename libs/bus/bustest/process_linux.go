package bustest

import (
	"os/exec"
	"syscall"
)

// contain makes the kernel kill the process when the test's process dies without cleaning up, and
// puts it into a process group of its own, together with the children that it forks to write files.
func contain(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

func (p *process) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }
