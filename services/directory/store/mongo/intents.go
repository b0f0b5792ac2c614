package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/services/directory/store"
)

// intents is a store.Intents.
type intents struct{ *collections }

// PutIntent implements store.Store.
func (s intents) PutIntent(ctx context.Context, i store.Intent) error {
	_, err := s.intent.ReplaceOne(ctx, by("_id", i.ID), i, options.Replace().SetUpsert(true))
	return wrap("put intent", err)
}

// DeleteIntent implements store.Store.
func (s intents) DeleteIntent(ctx context.Context, id string) error {
	return remove(ctx, "delete intent", s.intent, by("_id", id))
}

// IntentsBefore implements store.Store.
func (s intents) IntentsBefore(ctx context.Context, created int64, limit int) ([]store.Intent, error) {
	return list[store.Intent](ctx, "intents", s.intent, by("created", by("$lt", created)),
		bson.D{{Key: "created", Value: 1}, {Key: "_id", Value: 1}}, limit)
}
