//go:build !linux

package fleet

// NewRaw returns ErrUnsupported.
func NewRaw(Config) (Fleet, error) { return nil, ErrUnsupported }
