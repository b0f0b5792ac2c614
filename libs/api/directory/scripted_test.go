package directory

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"hubbub.internal/libs/bus"
)

// scripted is a bus with a directory on it. What it delivers, and when, is up to the test.
type scripted struct {
	bus.Interface            // what is not below is not used
	mu            sync.Mutex // the test holds it but while it waits
	down          bool
	contact       time.Time // when the bus last answered the cache or told it something
	follow        bus.Follower
	log           []bus.Entry // the control log
	told          int         // so many of its entries have been delivered
	followed      func()      // called when the cache begins to follow
	answer        func(user, room string) Access
	during        func()        // called once after an answer was found and before it is given
	hold          chan struct{} // if it is there, an answer is given when it is closed
	asked         atomic.Int64
	failReplay    int // so many times
}

// Stop implements bus.Subscription.
func (s *scripted) Stop() {}

// up returns bus.ErrUnavailable during an outage.
func (s *scripted) up() error {
	if s.down {
		return bus.ErrUnavailable
	}
	s.contact = time.Now()
	return nil
}

// Follow implements bus.Log.
func (s *scripted) Follow(_ context.Context, _ string, f bus.Follower) (uint64, bus.Subscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.up(); err != nil {
		return 0, nil, err
	}
	s.follow = f
	s.told = len(s.log)
	s.followed()
	return uint64(len(s.log)), s, nil
}

// Replay implements bus.Log.
func (s *scripted) Replay(_ context.Context, _ string, after bus.Position, limit int) (bus.Replayed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.up(); err != nil {
		return bus.Replayed{}, err
	}
	if s.failReplay > 0 {
		s.failReplay--
		return bus.Replayed{}, bus.ErrUnavailable
	}
	rest := s.log[after.Seq:]
	r := bus.Replayed{Entries: rest[:min(len(rest), limit)], Through: uint64(len(s.log))}
	r.More = len(r.Entries) < len(rest)
	return r, nil
}

// Probe implements bus.Interface.
func (s *scripted) Probe(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up()
}

// Request implements bus.RPC. It is no contact: a request may be answered while entries are not
// delivered.
func (s *scripted) Request(ctx context.Context, _ string, data []byte) ([]byte, error) {
	s.asked.Add(1)
	if s.down {
		return nil, bus.ErrUnavailable
	}
	var r AccessRequest
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	a := s.answer(r.User, r.Room)
	if during := s.during; during != nil {
		s.during = nil
		during()
	}
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return json.Marshal(a)
}
