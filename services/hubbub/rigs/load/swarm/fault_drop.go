//go:build linux && loadfault_drop

package swarm

const faulty = 0
