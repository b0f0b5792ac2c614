package load

import "syscall"

// childAttributes shields a child from an interrupt at the terminal: the parent ends it once it has
// the report. The kernel kills the child when the parent ends.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
