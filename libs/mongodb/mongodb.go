// Package mongodb opens a database in MongoDB, or a server that speaks its protocol, the way every store of Hubbub wants
// it: what a write has returned from is on the disks of most servers, and no call waits for ever. It knows no document.
package mongodb

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
	"go.uber.org/zap"
)

const (
	// Timeout bounds one operation whose context has no deadline of its own, if the URL says no other.
	Timeout = 10 * time.Second
	// Selection bounds the search for a server, if the URL says no other.
	Selection = 5 * time.Second
	// database is the one that is used when the URL names none.
	database = "hubbub"
)

// Open connects to the server and moves the schema forward by the steps that the database has not had. The URL may name
// a database, else it is hubbub, and may set other timeouts than 10 s for an operation and 5 s for the search for a
// server. app names the program in the server's log, and its schema in the database. log may be nil. The caller closes
// the result with Close. Errors: schema.ErrNewer, when a newer release has moved it further; nothing was changed then.
func Open(ctx context.Context, url, app string, steps []Step, log *zap.Logger) (*mongo.Database, error) {
	cs, err := connstring.ParseAndValidate(url)
	if err != nil {
		return nil, fmt.Errorf("--store is not a MongoDB URL: %w", err)
	}
	name := cs.Database
	if name == "" {
		name = database
	}
	client, err := mongo.Connect(options.Client().SetTimeout(Timeout).SetServerSelectionTimeout(Selection).ApplyURI(url).
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: new(true)}).
		SetReadConcern(readconcern.Majority()).SetAppName(app))
	if err != nil {
		return nil, fmt.Errorf("connect to MongoDB: %w", err)
	}
	db := client.Database(name)
	if err := migrate(ctx, db, app, steps, log); err != nil {
		_ = client.Disconnect(context.WithoutCancel(ctx))
		return nil, fmt.Errorf("prepare MongoDB: %w", err)
	}
	return db, nil
}

// Close ends the connections.
func Close(db *mongo.Database) error {
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	return db.Client().Disconnect(ctx)
}
