//go:build linux && !loadfault_drop && !loadfault_double

package swarm

// fault is none: see fault_seeded.go.
type fault struct{}

// seeded takes in the payload of a text frame.
func (s *Swarm) seeded(i int, payload []byte) error { return s.text(i, payload) }
