package directory

import (
	"context"
	"errors"
	"time"

	"hubbub.internal/services/directory/store"
)

// fromStart is the From of an intent to begin a membership for which the whole room is unread. In a
// direct room history keeps a read position that it has.
const fromStart = 1

// headOf returns the Seq through which a room's log is complete: every later entry comes after it.
func (s *membership) headOf(ctx context.Context, room string) (int64, error) {
	heads, err := s.bus.Heads(ctx, []string{room})
	if err == nil && len(heads) != 1 {
		err = errors.New("the bus does not say where a room's log ends")
	}
	if err != nil {
		return 0, busError(err)
	}
	return int64(max(heads[0].Seq, heads[0].Through, fromStart)), nil //nolint:gosec // at most bus.MaxSeq
}

// beginning adds to an intent where in the room's log the membership begins: at the log's head now,
// or at the head when the user was invited.
func (s *membership) beginning(ctx context.Context, i store.Intent) (store.Intent, error) {
	inv, err := s.store.Invitation(ctx, i.Room, i.User)
	switch {
	case err == nil && !inv.Declined && inv.Expires > time.Now().UnixMilli() && inv.From > 0:
		i.From = inv.From
		return i, nil
	case unlessMissing(err) != nil:
		return i, err
	}
	i.From, err = s.headOf(ctx, i.Room)
	return i, err
}
