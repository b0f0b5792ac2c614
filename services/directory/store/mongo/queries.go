package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/services/directory/store"
)

// insert adds a document; store.ErrConflict if its key is taken.
func insert(ctx context.Context, what string, c *mongo.Collection, doc any) error {
	_, err := c.InsertOne(ctx, doc)
	if mongo.IsDuplicateKeyError(err) {
		err = store.ErrConflict
	}
	return wrap(what, err)
}

func one[T any](ctx context.Context, what string, c *mongo.Collection, filter any) (T, error) {
	var t T
	err := c.FindOne(ctx, filter).Decode(&t)
	if errors.Is(err, mongo.ErrNoDocuments) {
		err = store.ErrNotFound
	}
	return t, wrap(what, err)
}

func list[T any](ctx context.Context, what string, c *mongo.Collection, filter, sort any, limit int) ([]T, error) {
	cur, err := c.Find(ctx, filter, options.Find().SetSort(sort).SetLimit(int64(limit)))
	if err != nil {
		return nil, wrap(what, err)
	}
	var all []T
	return all, wrap(what, cur.All(ctx, &all))
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func by(field string, value any) bson.D { return bson.D{{Key: field, Value: value}} }

func above(field string, value any) bson.D {
	return bson.D{{Key: field, Value: bson.D{{Key: "$gt", Value: value}}}}
}

// pairID is the key of the record of a room and a user, or of a user and another. Because it is the
// _id, adding the record twice gives one record on any server.
func pairID(a, b string) bson.D { return by("_id", a+":"+b) }

// patch adds a field to set, unless to is nil.
func patch[T any](set bson.D, field string, to *T) bson.D {
	if to == nil {
		return set
	}
	return append(set, bson.E{Key: field, Value: *to})
}

// upsert changes a document, or adds it.
func upsert(ctx context.Context, what string, c *mongo.Collection, id, change bson.D) error {
	_, err := c.UpdateOne(ctx, id, change, options.UpdateOne().SetUpsert(true))
	// one of two simultaneous upserts may fail like this; now there is a document to update
	if mongo.IsDuplicateKeyError(err) {
		_, err = c.UpdateOne(ctx, id, change, options.UpdateOne().SetUpsert(true))
	}
	return wrap(what, err)
}

// update changes fields of the document that filter finds.
func update(ctx context.Context, what string, c *mongo.Collection, filter bson.D, set any) error {
	r, err := c.UpdateOne(ctx, filter, by("$set", set))
	if err == nil && r.MatchedCount == 0 {
		err = store.ErrNotFound
	}
	return wrap(what, err)
}

func remove(ctx context.Context, what string, c *mongo.Collection, filter any) error {
	_, err := c.DeleteOne(ctx, filter)
	return wrap(what, err)
}

func removeAll(ctx context.Context, what string, c *mongo.Collection, filter any) error {
	_, err := c.DeleteMany(ctx, filter)
	return wrap(what, err)
}
