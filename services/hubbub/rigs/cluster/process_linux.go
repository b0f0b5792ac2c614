package cluster

import "syscall"

// childAttributes puts a process into a group of its own, with those that it will start, and ties
// it to the life of the one that started it: it must not outlive a test that is killed (prctl(2),
// PR_SET_PDEATHSIG: more exactly of its thread, which Go keeps as long as no goroutine that is
// locked to it ends).
func childAttributes(orphan syscall.Signal) *syscall.SysProcAttr {
	if orphan == 0 {
		orphan = syscall.SIGKILL
	}
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: orphan}
}
