package sqlite

import (
	"context"

	"hubbub.internal/services/history/store"
)

const (
	pins  = all + `INDEXED BY entries_pins WHERE room = ? AND type = 'pinned' AND past = 0 AND seq < ? ORDER BY seq DESC LIMIT ?`
	unpin = `UPDATE entries INDEXED BY entries_by_target SET past = 1 WHERE room = ? AND target <> '' AND target = ? AND author = ? AND past = 0 AND slot = 'pinned' AND owner = 0`
)

// Pins implements store.Pins.
func (s *pinStore) Pins(ctx context.Context, room string, before uint64, limit int) ([]store.Entry, error) {
	return s.inRoom(ctx, "pins of a room", room, pins, int64(before), limit)
}

// Unpin implements store.Pins.
func (s *pinStore) Unpin(ctx context.Context, room string, name store.Name) error {
	n, ok, err := s.find(ctx, room, name.Sender)
	if err != nil || !ok {
		return err
	}
	_, err = s.changed(ctx, "unpin a message", unpin, n.room, packID(name.ID), n.sender)
	return err
}
