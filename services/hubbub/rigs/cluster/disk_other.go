//go:build !linux

package cluster

const roomy = 0

func mount(string) error          { return ErrNoMount }
func unmount(string) error        { return ErrNoMount }
func resize(string, uint64) error { return ErrNoMount }
func fill(string) error           { return ErrNoMount }
