package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// Pins implements store.Pins.
func (s *pinStore) Pins(ctx context.Context, room string, before uint64, limit int) ([]store.Entry, error) {
	return s.sorted(ctx, "pins of a room", bson.D{
		field("room", room), field("type", chat.TypePinned), field("past", nil), field("seq", bson.D{field("$lt", before)}),
	}, bson.D{field("seq", -1), field("_id", -1)}, limit)
}

// Unpin implements store.Pins.
func (s *pinStore) Unpin(ctx context.Context, room string, name store.Name) error {
	of := slot{room, name.ID, name.Sender, chat.TypePinned}
	if _, err := s.entries.UpdateMany(ctx, of.filter(field("past", nil)), bson.D{field("$set", bson.D{field("past", true)})}); err != nil {
		return fmt.Errorf("unpin a message: %w", err)
	}
	return nil
}
