package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/services/directory/store"
)

// lastSeen is a store.LastSeen.
type lastSeen struct{ *collections }

// PutSeen implements store.Store. When a user was seen is a field of the user, which goes with it.
func (s lastSeen) PutSeen(ctx context.Context, seen []store.Seen) error {
	if len(seen) == 0 {
		return nil
	}
	writes := make([]mongo.WriteModel, len(seen))
	for i, one := range seen {
		writes[i] = mongo.NewUpdateOneModel().SetFilter(by("_id", one.User)).SetUpdate(by("$max", by("seen", one.At)))
	}
	_, err := s.users.BulkWrite(ctx, writes, options.BulkWrite().SetOrdered(false))
	return wrap("put last seen", err)
}

// Seen implements store.Store.
func (s lastSeen) Seen(ctx context.Context, user string) (int64, error) {
	doc, err := one[struct {
		Seen int64 `bson:"seen"`
	}](ctx, "last seen", s.users, by("_id", user))
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return doc.Seen, err
}
