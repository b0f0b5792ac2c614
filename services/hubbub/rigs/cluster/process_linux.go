package cluster

import "syscall"

// childAttributes puts a process into its own process group, which its children join, and makes the
// kernel signal it when its parent ends: it must not outlive a test that is killed (prctl(2),
// PR_SET_PDEATHSIG). The kernel watches the parent's thread, which Go keeps as long as no goroutine
// that is locked to it ends.
func childAttributes(orphan syscall.Signal) *syscall.SysProcAttr {
	if orphan == 0 {
		orphan = syscall.SIGKILL
	}
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: orphan}
}
