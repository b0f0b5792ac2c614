package cluster

import "syscall"

// childAttributes ties a process to the life of the one that started it (prctl(2), PR_SET_PDEATHSIG).
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
