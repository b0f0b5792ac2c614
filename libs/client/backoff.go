package client

import (
	"math/rand/v2"
	"time"
)

// backoff returns the wait before the n-th attempt in a row (from 0): it doubles, with jitter over
// the upper half, so that the clients of an edge that died do not come back in step.
func backoff(n int, least, most time.Duration) time.Duration {
	d := most
	if n < 32 {
		if grown := least << n; grown > 0 {
			d = min(d, grown)
		}
	}
	return d/2 + rand.N(d/2+1)
}
