//go:build unix && !linux

package cluster

import "syscall"

func childAttributes(syscall.Signal) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
