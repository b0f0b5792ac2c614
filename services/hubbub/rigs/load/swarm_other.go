//go:build !linux

package load

const haveSwarm = false
