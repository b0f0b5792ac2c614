//go:build linux && loadfault_double && !loadfault_drop

package swarm

const faulty = 2
