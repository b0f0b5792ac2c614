package history

import (
	"context"
	"sync"
)

// single lets one at a time do something to each thing. Its methods are safe for concurrent use.
type single struct {
	mu   sync.Mutex
	busy map[string]chan struct{} // by thing; closed when it is free
}

func (s *single) init() { s.busy = make(map[string]chan struct{}) }

// acquire waits until nobody else has a thing, and returns what gives it back. The error is that of
// ctx.
func (s *single) acquire(ctx context.Context, thing string) (done func(), err error) {
	for {
		s.mu.Lock()
		taken, busy := s.busy[thing]
		if !busy {
			mine := make(chan struct{})
			s.busy[thing] = mine
			s.mu.Unlock()
			return func() {
				s.mu.Lock()
				delete(s.busy, thing)
				s.mu.Unlock()
				close(mine)
			}, nil
		}
		s.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
