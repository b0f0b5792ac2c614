package bustest

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel kill the process when the test's process dies without a chance to clean up.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
