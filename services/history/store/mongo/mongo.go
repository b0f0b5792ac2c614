// Package mongo keeps history's store in MongoDB, or a server that speaks its protocol. Any number of processes may
// share it. It needs no transactions, change streams, $lookup or TTL indexes.
package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/history/store"
)

// Store is a store.Store in MongoDB.
type Store struct {
	db             *mongo.Database
	entries, reads *mongo.Collection
}

var _ store.Store = (*Store)(nil)

// record is an entry as a document.
type record struct {
	Key         string `bson:"_id"`
	store.Entry `bson:",inline"`
}

// Open connects to the server and makes the indexes; see mongodb.Open for the URL.
func Open(ctx context.Context, url string) (*Store, error) {
	db, err := mongodb.Open(ctx, url, "hubbub-history", []mongodb.Index{
		{Collection: "entries", Fields: []string{"room", "sender", "id"}, Unique: true},
		{Collection: "entries", Fields: []string{"room", "type", "seq"}},
		{Collection: "entries", Fields: []string{"room", "id"}},
		{Collection: "entries", Fields: []string{"room", "target"}},
		{Collection: "entries", Fields: []string{"seq"}},
		{Collection: "reads", Fields: []string{"user"}},
	})
	if err != nil {
		return nil, err
	}
	return &Store{db: db, entries: db.Collection("entries"), reads: db.Collection("reads")}, nil
}

// Close ends the connections.
func (s *Store) Close() error { return mongodb.Close(s.db) }

// duplicateKey is the server's error code for a key that is taken.
const duplicateKey = 11000

// Append implements store.Store. An error may leave some of the entries kept: repeat it.
func (s *Store) Append(ctx context.Context, entries []store.Entry) (store.Outcome, error) {
	var out store.Outcome
	if len(entries) == 0 {
		return out, nil
	}
	docs := make([]record, len(entries))
	for i, e := range entries {
		docs[i] = record{store.Key(e.Room, e.Seq), e}
	}
	_, err := s.entries.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	if err == nil {
		return out, nil
	}
	bulk, ok := errors.AsType[mongo.BulkWriteException](err)
	if !ok || bulk.WriteConcernError != nil {
		return out, fmt.Errorf("append entries: %w", err)
	}
	for _, w := range bulk.WriteErrors {
		if w.Code != duplicateKey || w.Index < 0 || w.Index >= len(entries) {
			return out, fmt.Errorf("append entries: %w", err)
		}
		if err := s.explain(ctx, entries[w.Index], &out); err != nil {
			return out, fmt.Errorf("append entries: %w", err)
		}
	}
	return out, nil
}

// explain finds out why an entry could not be added.
func (s *Store) explain(ctx context.Context, e store.Entry, out *store.Outcome) error {
	var same record
	err := s.entries.FindOne(ctx, bson.D{{Key: "room", Value: e.Room}, {Key: "sender", Value: e.Sender}, {Key: "id", Value: e.ID}}).Decode(&same)
	switch {
	case err == nil && same.Seq == e.Seq:
		return nil // it is there
	case err == nil:
		out.Repeats = append(out.Repeats, e)
		return nil
	case !errors.Is(err, mongo.ErrNoDocuments):
		return err
	}
	if _, err := s.entries.InsertOne(ctx, record{store.ConflictKey(e), e}); err != nil && !mongo.IsDuplicateKeyError(err) {
		return err
	}
	out.Conflicts = append(out.Conflicts, e)
	return nil
}
