//go:build linux && loadfault_drop

package swarm

const drops = true
