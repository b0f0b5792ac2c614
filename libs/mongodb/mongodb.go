// Package mongodb opens a database in MongoDB, or a server that speaks its protocol, the way every
// store of Hubbub wants it: what a write has returned from is on the disks of most servers, and no
// call waits for ever. It knows no document.
package mongodb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/schema"
)

const (
	// Timeout bounds one operation whose context has no deadline of its own, if the URL says no
	// other.
	Timeout = 10 * time.Second
	// Selection bounds the search for a server, if the URL says no other.
	Selection = 5 * time.Second
	// heartbeat is how often each server is asked whether it is there, and silence how long it may
	// take for the answer, or for a connection, if the URL says no others: see lines.
	heartbeat = 2 * time.Second
	silence   = 5 * time.Second
	// database is the one that is used when the URL names none.
	database = "hubbub"
)

// Open connects to the server and moves the schema forward by the steps that the database has not
// had. The URL may name a database, else it is hubbub, and may set other timeouts than 10 s for an
// operation and 5 s for the search for a server. log may be nil. The caller closes the result with
// Close. Errors: schema.ErrNewer, when a newer release has moved it further; schema.ErrForeign,
// when it is another program's; nothing was changed then. Those, and a bad URL, are final (package
// await); everything else may be mended at the server.
func Open(ctx context.Context, url string, s Schema, log *zap.Logger) (*mongo.Database, error) {
	db, hosts, err := connect(url, s.App)
	if err != nil {
		return nil, err
	}
	err = migrate(ctx, db, s, log)
	if err == nil {
		err = mend(ctx, db, s.Steps, log)
	}
	if err != nil {
		_ = db.Client().Disconnect(context.WithoutCancel(ctx))
		return nil, explain(err, hosts, db.Name())
	}
	return db, nil
}

// connect returns the database that a URL names, and the hosts in it. No server was asked yet.
func connect(url, app string) (*mongo.Database, []string, error) {
	cs, err := connstring.ParseAndValidate(url)
	if err != nil {
		return nil, nil, await.Final(fmt.Errorf("--store is not a MongoDB URL: %w", err))
	}
	name := cs.Database
	if name == "" {
		name = database
	}
	lines := newLines()
	client, err := mongo.Connect(options.Client().SetTimeout(Timeout).SetServerSelectionTimeout(Selection).
		SetHeartbeatInterval(heartbeat).SetConnectTimeout(silence).SetDialer(lines).SetServerMonitor(lines.monitor()).ApplyURI(url).
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: new(true)}).
		SetReadConcern(readconcern.Majority()).SetAppName(app))
	if err != nil {
		return nil, nil, await.Final(fmt.Errorf("--store is no URL that can be used: %w", err))
	}
	return client.Database(name), cs.Hosts, nil
}

// Codes of MongoDB's errors
// (https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml).
const (
	unauthorized         = 13
	authenticationFailed = 18
	atlasError           = 8000
)

// problem is an error in one line, with what to do about it.
type problem struct {
	text  string
	cause error
}

func (p *problem) Error() string {
	return p.text + ": " + strings.Join(strings.Fields(p.cause.Error()), " ")
}
func (p *problem) Unwrap() error { return p.cause }

// explain says what to do about an error of the first operations on a database.
func explain(err error, hosts []string, name string) error {
	because := func(text string) error {
		return &problem{"MongoDB at " + strings.Join(hosts, ",") + " " + text, err}
	}
	var says mongo.ServerError
	switch {
	case errors.Is(err, schema.ErrNewer), errors.Is(err, schema.ErrForeign):
		return await.Final(fmt.Errorf("prepare MongoDB: %w", err))
	case errors.As(err, &says) && (says.HasErrorCode(authenticationFailed) || says.HasErrorCode(atlasError)):
		return because("refused the login: check the user and password of --store, and the database that knows them (?authSource=)")
	case errors.As(err, &says) && says.HasErrorCode(unauthorized):
		return because("does not let this user do what Hubbub needs: give it the role readWrite on the database " + name + ", and a login, if --store has none")
	case errors.As(err, &says):
		return because("cannot be prepared")
	}
	return because("cannot be reached: is it running, and is --store right?")
}

// Close ends the connections.
func Close(db *mongo.Database) error {
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	return db.Client().Disconnect(ctx)
}
