package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/history/store"
)

// savedIndexes is the step that makes the indexes of what users have saved.
func savedIndexes(name string) mongodb.Step {
	return mongodb.Indexes(name,
		mongodb.Index{Collection: "saved", Fields: []string{"user", "ts"}},
		mongodb.Index{Collection: "saved", Fields: []string{"room"}},
	)
}

func savedKey(user, room string, name store.Name) string {
	return user + ":" + room + ":" + rootKey(name)
}

// PutSaved implements store.Saves.
func (s *saveStore) PutSaved(ctx context.Context, m store.Saved) error {
	_, err := s.saved.InsertOne(ctx, struct {
		Key         string `bson:"_id"`
		store.Saved `bson:",inline"`
	}{savedKey(m.User, m.Room, store.Name{Sender: m.Author, ID: m.ID}), m})
	if err != nil && !mongo.IsDuplicateKeyError(err) {
		return fmt.Errorf("save a message: %w", err)
	}
	return nil
}

// DropSaved implements store.Saves.
func (s *saveStore) DropSaved(ctx context.Context, user, room string, name store.Name) error {
	if _, err := s.saved.DeleteOne(ctx, bson.D{field("_id", savedKey(user, room, name))}); err != nil {
		return fmt.Errorf("forget a saved message: %w", err)
	}
	return nil
}

// Saved implements store.Saves.
func (s *saveStore) Saved(ctx context.Context, user string, before int64, limit int) ([]store.Saved, error) {
	cur, err := s.saved.Find(ctx, bson.D{field("user", user), field("ts", bson.D{field("$lt", before)})},
		options.Find().SetSort(bson.D{field("ts", -1)}).SetLimit(int64(limit)))
	if err != nil {
		return nil, fmt.Errorf("saved messages: %w", err)
	}
	var all []store.Saved
	if err := cur.All(ctx, &all); err != nil {
		return nil, fmt.Errorf("saved messages: %w", err)
	}
	return all, nil
}

// RemoveSavedBy implements store.Saves.
func (s *saveStore) RemoveSavedBy(ctx context.Context, user string) error {
	if _, err := s.saved.DeleteMany(ctx, bson.D{field("user", user)}); err != nil {
		return fmt.Errorf("forget what a user has saved: %w", err)
	}
	return nil
}

// RemoveSavedIn implements store.Saves.
func (s *saveStore) RemoveSavedIn(ctx context.Context, room string) error {
	if _, err := s.saved.DeleteMany(ctx, bson.D{field("room", room)}); err != nil {
		return fmt.Errorf("forget what is saved of a room: %w", err)
	}
	return nil
}
