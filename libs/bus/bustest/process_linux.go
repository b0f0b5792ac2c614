package bustest

import (
	"os/exec"
	"syscall"
)

// contain has the kernel kill the process when the test's process dies without a chance to clean
// up, and gives it a group of its own, with the children that it forks to write files.
func contain(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

func (p *process) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }
