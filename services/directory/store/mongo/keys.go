package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/services/directory/store"
)

// keys is a store.Keys.
type keys struct{ *collections }

// CreateKey implements store.Store.
func (s keys) CreateKey(ctx context.Context, k store.Key) error {
	return insert(ctx, "create key", s.keys, k)
}

// Keys implements store.Store.
func (s keys) Keys(ctx context.Context) ([]store.Key, error) {
	return list[store.Key](ctx, "keys", s.keys, bson.D{}, bson.D{{Key: "created", Value: -1}, {Key: "_id", Value: -1}}, 0)
}

// SetKeySeed implements store.Store.
func (s keys) SetKeySeed(ctx context.Context, id string, seed []byte) error {
	return update(ctx, "set key seed", s.keys, by("_id", id), by("seed", seed))
}

// DeleteKey implements store.Store.
func (s keys) DeleteKey(ctx context.Context, id string) error {
	return remove(ctx, "delete key", s.keys, by("_id", id))
}
