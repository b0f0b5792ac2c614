//go:build unix

package bustest

import "syscall"

// freeze suspends the process, or lets it go on.
func (p *process) freeze(on bool) error {
	if on {
		return p.cmd.Process.Signal(syscall.SIGSTOP)
	}
	return p.cmd.Process.Signal(syscall.SIGCONT)
}
