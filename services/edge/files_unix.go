//go:build unix

package edge

import (
	"math"

	"golang.org/x/sys/unix"
)

// fileLimit returns how many files the process may have open at the same time. Go has raised it to
// the hard limit.
func fileLimit() int {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return math.MaxInt
	}
	return int(min(uint64(r.Cur), math.MaxInt)) //nolint:unconvert // it is signed on some systems
}
