//go:build !unix

package edge

import "math"

// fileLimit returns how many files the process may have open at the same time: here, there is no
// such limit.
func fileLimit() int { return math.MaxInt }
