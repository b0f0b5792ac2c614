package load

import "syscall"

// childAttributes keeps an interrupt at the terminal from a child, whose parent ends it when it has
// the report, and ties it to the life of that.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
