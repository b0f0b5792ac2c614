// Package mongo keeps directory's store in MongoDB, or a server that speaks its protocol. Any number of processes may
// share it.
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

	"hubbub.internal/services/directory/store"
)

const (
	// timeout bounds one operation whose context has no deadline of its own.
	timeout = 5 * time.Second
	// database is the one that is used when the URL names none.
	database = "hubbub"
)

// Store is a store.Store in MongoDB.
type Store struct {
	client                                        *mongo.Client
	users, sessions, keys, rooms, members, intent *mongo.Collection
}

var _ store.Store = (*Store)(nil)

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
	client, err := mongo.Connect(options.Client().SetTimeout(timeout).SetServerSelectionTimeout(timeout).ApplyURI(url).
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: new(true)}).
		SetReadConcern(readconcern.Majority()).SetAppName("hubbub-directory"))
	if err != nil {
		return nil, fmt.Errorf("connect to MongoDB: %w", err)
	}
	db := client.Database(name)
	s := &Store{
		client: client, users: db.Collection("users"), sessions: db.Collection("sessions"), keys: db.Collection("signing_keys"),
		rooms: db.Collection("rooms"), members: db.Collection("members"), intent: db.Collection("intents"),
	}
	for _, index := range []struct {
		in     *mongo.Collection
		keys   bson.D
		unique bool
	}{
		{s.users, bson.D{{Key: "name_key", Value: 1}}, true},
		{s.sessions, bson.D{{Key: "expires", Value: 1}}, false},
		{s.rooms, bson.D{{Key: "private", Value: 1}, {Key: "direct", Value: 1}, {Key: "created", Value: 1}}, false},
		{s.members, bson.D{{Key: "room", Value: 1}, {Key: "user", Value: 1}}, true},
		{s.members, bson.D{{Key: "user", Value: 1}, {Key: "since", Value: 1}}, false},
		{s.intent, bson.D{{Key: "created", Value: 1}}, false},
	} {
		model := mongo.IndexModel{Keys: index.keys, Options: options.Index().SetUnique(index.unique)}
		if _, err := index.in.Indexes().CreateOne(ctx, model); err != nil {
			_ = client.Disconnect(context.WithoutCancel(ctx))
			return nil, fmt.Errorf("prepare the directory in MongoDB (is it running, and is --store right?): %w", err)
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

// insert adds a document; one whose key is taken is store.ErrConflict.
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
