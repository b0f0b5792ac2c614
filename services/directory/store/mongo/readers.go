package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/directory/store"
)

var readerIndexes = mongodb.Indexes("13 (who was a reader)",
	mongodb.Index{Collection: "readers", Fields: []string{"room"}},
	mongodb.Index{Collection: "readers", Fields: []string{"user"}},
)

type reader struct {
	Room string `bson:"room"`
	User string `bson:"user"`
}

// readers is a store.Readers.
type readers struct{ *collections }

// PutReader implements store.Readers.
func (s readers) PutReader(ctx context.Context, room, user string) error {
	return upsert(ctx, "put reader", s.readers, pairID(room, user), by("$set", reader{room, user}))
}

// Reader implements store.Readers.
func (s readers) Reader(ctx context.Context, room, user string) (bool, error) {
	_, err := one[bson.M](ctx, "reader", s.readers, pairID(room, user))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// DeleteReader implements store.Readers.
func (s readers) DeleteReader(ctx context.Context, room, user string) error {
	return remove(ctx, "delete reader", s.readers, pairID(room, user))
}

// DeleteReadersIn implements store.Readers.
func (s readers) DeleteReadersIn(ctx context.Context, room string) error {
	return removeAll(ctx, "delete readers of a room", s.readers, by("room", room))
}

// DeleteReadersOf implements store.Readers.
func (s readers) DeleteReadersOf(ctx context.Context, user string) error {
	return removeAll(ctx, "delete a user's records as a reader", s.readers, by("user", user))
}
