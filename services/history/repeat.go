package history

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// maxRepeats is how many repeats are remembered. A log that was taken back by a failover has some seconds of them.
const maxRepeats = 100_000

// repeats are the places at which the log has a text again that the store keeps at another: it was appended again, since the
// log had lost it or had forgotten its id. When the message is deleted, they are erased from the log, too.
type repeats struct {
	mu  sync.Mutex
	all map[message][]uint64
	n   int
}

type message struct{ room, id string }

// add notes one. It may be given again, as a batch is that could not be stored to its end.
func (r *repeats) add(m message, seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.all[m], seq) {
		return
	}
	if r.all == nil || r.n >= maxRepeats {
		r.all, r.n = make(map[message][]uint64), 0
	}
	r.all[m] = append(r.all[m], seq)
	r.n++
}

// of returns the places of a message's text and of its edits.
func (r *repeats) of(m message) []uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[m]
}

// repeated takes in what the log has again. The text of a message that was deleted meanwhile must not come back with it.
func (s *Service) repeated(ctx context.Context, all []store.Entry) error {
	for _, e := range all {
		m := message{e.Room, e.ID}
		switch e.Type {
		case chat.TypeMsg:
		case chat.TypeEdited:
			m.id = e.Target
		default:
			continue
		}
		s.repeats.add(m, e.Seq)
		gone, err := s.deleted(ctx, m.room, m.id)
		if err != nil {
			return err
		}
		if gone {
			if err := s.bus.Remove(ctx, e.Room, e.Seq); err != nil {
				return fmt.Errorf("remove a deleted message from the log: %w", err)
			}
		}
	}
	return nil
}
