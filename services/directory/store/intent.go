package store

import (
	"context"
)

// Intent says that something about a room or a user is about to change and must be announced on the
// bus. It is stored before the change and deleted after the announcement. One that a crash leaves
// behind is announced again, from what the store then has.
type Intent struct {
	ID   string `bson:"_id"`
	Kind string `bson:"kind"`
	Room string `bson:"room"`
	User string `bson:"user"` // the user whose membership, session or account changes
	Name string `bson:"name"` // User's name
	// of a membership: the new role; empty: it ends. Of a purge: the span. Of a deleted account:
	// what happens to the messages
	Role  string `bson:"role"`
	Actor string `bson:"actor"` // id of the user who makes the change
	// of a revocation: the session; empty: all sessions. Of a purge: the reason. Of a membership:
	// how to announce it
	Session string `bson:"session"`
	// of a membership that begins: the Seq in the room's log after which entries are new to the
	// user; else 0
	From    int64 `bson:"from"`
	Created int64 `bson:"created"` // UTC milliseconds
}

// Intents keeps the changes that must be announced on the bus.
type Intents interface {
	PutIntent(ctx context.Context, i Intent) error
	// no error if there is none
	DeleteIntent(ctx context.Context, id string) error
	IntentsBefore(ctx context.Context, created int64, limit int) ([]Intent, error) // oldest first
}
