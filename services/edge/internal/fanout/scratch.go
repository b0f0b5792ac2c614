package fanout

import "sync"

// Scratch is memory for frames to be put together in before a ring copies them. Safe for concurrent
// use.
type Scratch struct {
	mu   sync.Mutex
	free []*[]byte
}

// Bounds of the memory that is kept: as many pieces as goroutines deliver at the same time, none
// larger than most frames.
const (
	keepScratch = 32
	maxScratch  = 64 << 10
)

// Get returns empty memory; give it back with Put.
func (s *Scratch) Get() *[]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.free)
	if n == 0 {
		return new([]byte)
	}
	mem := s.free[n-1]
	s.free = s.free[:n-1]
	return mem
}

// Put takes memory back.
func (s *Scratch) Put(mem *[]byte) {
	if cap(*mem) > maxScratch {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) < keepScratch {
		s.free = append(s.free, mem)
	}
}
