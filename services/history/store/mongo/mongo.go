// Package mongo keeps history's store in MongoDB, or a server that speaks its protocol. Any number of processes may
// share it. It needs no transactions, change streams, $lookup or TTL indexes.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"hubbub.internal/services/history/store"
)

const (
	// timeout bounds one operation whose context has no deadline of its own.
	timeout = 10 * time.Second
	// selection bounds the search for a server.
	selection = 5 * time.Second
	// database is the one that is used when the URL names none.
	database = "hubbub"
)

// Store is a store.Store in MongoDB.
type Store struct {
	client         *mongo.Client
	entries, reads *mongo.Collection
}

var _ store.Store = (*Store)(nil)

// record is an entry as a document.
type record struct {
	Key         string `bson:"_id"`
	store.Entry `bson:",inline"`
}

// Open connects to the server and makes the indexes. The URL may name a database; else it is hubbub.
func Open(ctx context.Context, url string) (*Store, error) {
	cs, err := connstring.ParseAndValidate(url)
	if err != nil {
		return nil, fmt.Errorf("--store is not a MongoDB URL: %w", err)
	}
	name := cs.Database
	if name == "" {
		name = database
	}
	client, err := mongo.Connect(options.Client().SetTimeout(timeout).SetServerSelectionTimeout(selection).ApplyURI(url).
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: new(true)}).
		SetReadConcern(readconcern.Majority()).SetAppName("hubbub-history"))
	if err != nil {
		return nil, fmt.Errorf("connect to MongoDB: %w", err)
	}
	db := client.Database(name)
	s := &Store{client: client, entries: db.Collection("entries"), reads: db.Collection("reads")}
	asc := func(fields ...string) (d bson.D) {
		for _, f := range fields {
			d = append(d, bson.E{Key: f, Value: 1})
		}
		return d
	}
	for _, index := range []struct {
		in     *mongo.Collection
		keys   bson.D
		unique bool
	}{
		{s.entries, asc("room", "sender", "id"), true},
		{s.entries, asc("room", "type", "seq"), false},
		{s.entries, asc("room", "id"), false},
		{s.entries, asc("room", "target"), false},
		{s.entries, asc("seq"), false},
		{s.reads, asc("user"), false},
	} {
		model := mongo.IndexModel{Keys: index.keys, Options: options.Index().SetUnique(index.unique)}
		if _, err := index.in.Indexes().CreateOne(ctx, model); err != nil {
			_ = client.Disconnect(context.WithoutCancel(ctx))
			return nil, fmt.Errorf("prepare the history in MongoDB (is it running, and is --store right?): %w", err)
		}
	}
	return s, nil
}

// Close ends the connections.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return s.client.Disconnect(ctx)
}

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
