package cluster

import "syscall"

// childAttributes ties a process to the life of the one that started it (prctl(2),
// PR_SET_PDEATHSIG): more exactly of its thread, which Go keeps as long as no goroutine that is locked to it ends.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
