//go:build !linux

package bustest

import "os/exec"

func contain(*exec.Cmd) {}

func (p *process) kill() { _ = p.cmd.Process.Kill() }
