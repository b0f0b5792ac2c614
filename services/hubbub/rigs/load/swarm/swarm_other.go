//go:build !linux

package swarm

import "context"

// Swarm is none here.
type Swarm struct{}

// New returns ErrUnsupported.
func New(Config) (*Swarm, error) { return nil, ErrUnsupported }

// Run does nothing.
func (*Swarm) Run(context.Context) error { return ErrUnsupported }

// Open does nothing.
func (*Swarm) Open(int, int) {}

// Say does nothing.
func (*Swarm) Say(Say) {}

// Reconnect does nothing.
func (*Swarm) Reconnect(...int) {}

// Caught reports false.
func (*Swarm) Caught(map[int]uint64) bool { return false }

// Seen returns nothing.
func (*Swarm) Seen(int) []Seen { return nil }

// Busy returns 0.
func (*Swarm) Busy() int { return 0 }
