// Package mongodb opens a database in MongoDB, or a server that speaks its protocol, the way every store of Hubbub wants
// it: what a write has returned from is on the disks of most servers, and no call waits for ever. It knows no document.
package mongodb

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

const (
	// timeout bounds one operation whose context has no deadline of its own.
	timeout = 10 * time.Second
	// selection bounds the search for a server.
	selection = 5 * time.Second
	// database is the one that is used when the URL names none.
	database = "hubbub"
)

// Index is an index that a database is to have.
type Index struct {
	Collection string
	Fields     []string // ascending
	Unique     bool
}

// Open connects to the server and makes the indexes. The URL may name a database, else it is hubbub, and may set other
// timeouts than 10 s for an operation and 5 s for the search for a server. app names the program in the server's log.
// The caller closes the result with Close. It is safe for concurrent use.
func Open(ctx context.Context, url, app string, indexes []Index) (*mongo.Database, error) {
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
		SetReadConcern(readconcern.Majority()).SetAppName(app))
	if err != nil {
		return nil, fmt.Errorf("connect to MongoDB: %w", err)
	}
	db := client.Database(name)
	for _, index := range indexes {
		var keys bson.D
		for _, field := range index.Fields {
			keys = append(keys, bson.E{Key: field, Value: 1})
		}
		model := mongo.IndexModel{Keys: keys, Options: options.Index().SetUnique(index.Unique)}
		if _, err := db.Collection(index.Collection).Indexes().CreateOne(ctx, model); err != nil {
			_ = client.Disconnect(context.WithoutCancel(ctx))
			return nil, fmt.Errorf("prepare MongoDB (is it running, and is --store right?): %w", err)
		}
	}
	return db, nil
}

// Close ends the connections.
func Close(db *mongo.Database) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return db.Client().Disconnect(ctx)
}
