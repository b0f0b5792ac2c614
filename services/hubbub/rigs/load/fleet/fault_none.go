//go:build linux && !loadfault_drop && !loadfault_double

package fleet

// fault plants no fault: see fault_seeded.go.
type fault struct{}

// times returns how often a client handles the payload of a text frame.
func (*fault) times([]byte) int { return 1 }
