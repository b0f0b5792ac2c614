package directory

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
)

const (
	// tellEvery is how often sightings are told; a client sees a time that is so much late at most.
	tellEvery = 2 * time.Second
	// tellTimeout bounds one try, and the last one when Run ends.
	tellTimeout = 2 * time.Second
	// tellAtOnce is how many users one request names at most. A store that does not write so many
	// within tellTimeout is told of fewer at a time, or the same users would be written again and
	// again.
	tellAtOnce = 100
	// maxSightings is how many users wait to be told of; further ones are dropped.
	maxSightings = 100_000
)

// Sightings tells the directory when users were last connected: together, and again when it could
// not be told. Its methods are safe for concurrent use.
type Sightings struct {
	client *Client
	log    *zap.Logger
	hidden Hidden

	most int // how many users the next request names at most; only Run has it

	mu sync.Mutex
	at map[string]int64 // by user, UTC milliseconds
}

// Hidden returns those of some users, at most MaxSaw, of whom nobody is to know that they are
// connected.
type Hidden func(ctx context.Context, users []string) ([]string, error)

// NewSightings returns sightings that are kept until Run tells them over r, of all but those who
// are hidden then. Until that can be found out they wait; with nil nobody is hidden.
func NewSightings(r bus.RPC, log *zap.Logger, hidden Hidden) *Sightings {
	return &Sightings{client: NewClient(r), log: log, hidden: hidden, most: tellAtOnce, at: make(map[string]int64)}
}

// Saw notes that a user was connected at a time. It does not block.
func (s *Sightings) Saw(user string, at time.Time) { s.put(Seen{User: user, At: at.UnixMilli()}) }

// Forget drops what was noted of a user and is not told yet.
func (s *Sightings) Forget(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.at, user)
}

func (s *Sightings) put(seen ...Seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range seen {
		before, there := s.at[one.User]
		if there || len(s.at) < maxSightings {
			s.at[one.User] = max(before, one.At)
		}
	}
}

func (s *Sightings) drain() []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Seen
	for user, at := range s.at {
		if len(out) == s.most {
			break
		}
		out = append(out, Seen{User: user, At: at})
		delete(s.at, user)
	}
	return out
}

// Run tells what was seen until ctx ends, then what is left, and returns nil.
func (s *Sightings) Run(ctx context.Context) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTimeout)
			defer cancel()
			s.tell(last, true)
			return nil
		case <-tick.C:
			s.tell(ctx, false)
		}
	}
}

// tell tells everything, or keeps what the directory did not take. The last time it also tells of
// those of whom it cannot find out whether they are hidden: all services may be stopping together,
// and then nearly nobody is. Between two parts it waits as long as the last one took, so that the
// store serves others when ten thousand users leave at once; the last time it does not. After one
// that took too long it tells of half as many, for that part goes on in the store, and after one
// that was taken of twice as many again.
func (s *Sightings) tell(ctx context.Context, last bool) {
	for {
		part := s.drain()
		if len(part) == 0 {
			return
		}
		began := time.Now()
		one, cancel := context.WithTimeout(ctx, tellTimeout)
		err := s.tellPart(one, part, last)
		cancel()
		took := time.Since(began)
		if err != nil {
			s.put(part...)
			s.log.Debug("could not tell the directory who was last seen; trying again", zap.Error(err))
			if took >= tellTimeout/2 {
				s.most = max(1, s.most/2)
			}
		} else {
			s.most = min(tellAtOnce, 2*s.most)
		}
		if !last && await.Sleep(ctx, took) != nil || err != nil {
			return
		}
	}
}

func (s *Sightings) tellPart(ctx context.Context, part []Seen, last bool) error {
	if s.hidden != nil {
		users := make([]string, len(part))
		for i, one := range part {
			users[i] = one.User
		}
		ask, cancel := context.WithTimeout(ctx, tellTimeout/2)
		hidden, err := s.hidden(ask, users)
		cancel()
		if err != nil && !last {
			return fmt.Errorf("find out who is hidden: %w", err)
		}
		part = slices.DeleteFunc(slices.Clone(part), func(one Seen) bool { return slices.Contains(hidden, one.User) })
		if len(part) == 0 {
			return nil
		}
	}
	return s.client.Saw(ctx, part)
}
