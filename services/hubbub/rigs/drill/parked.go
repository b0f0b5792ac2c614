package drill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hubbub.internal/libs/api"
)

const (
	// maxParked bounds the dead letters that are counted.
	maxParked = 1000
	// askBus bounds the request for them.
	askBus = 30 * time.Second
)

// deadLetters returns an error if a service has given up entries since the last call: no fault,
// however long, justifies that.
func (s *stage) deadLetters(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, askBus)
	defer cancel()
	b, err := s.Bus.Open(ctx)
	if err != nil {
		return fmt.Errorf("ask for dead letters: %w", err)
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	before, now := s.parked, 0
	for _, group := range api.RequiredGroups {
		letters, failed := b.DeadLetters(ctx, group, maxParked)
		if failed != nil {
			return fmt.Errorf("dead letters of %s: %w", group, failed)
		}
		if now += len(letters); now > before && err == nil {
			last := letters[len(letters)-1]
			err = fmt.Errorf("%s gave up %d entries, such as %d of room %s: %s", group, now-before, last.Entry.Seq, last.Entry.Room, last.Reason)
		}
	}
	s.parked = now
	return err
}
