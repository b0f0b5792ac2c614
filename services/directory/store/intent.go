package store

import (
	"context"
)

// Intent says that something about a room or a user is about to change and must be told on the bus.
// It is written before the change and deleted when the change has been told; one that stays is told
// again from what is in the store.
type Intent struct {
	ID   string `bson:"_id"`
	Kind string `bson:"kind"`
	Room string `bson:"room"`
	User string `bson:"user"` // whose membership or session
	Name string `bson:"name"` // that user's
	// what the membership shall be; empty: ended. Of a purge: the span; of a deleted account: what
	// becomes of messages
	Role  string `bson:"role"`
	Actor string `bson:"actor"` // who does it
	// of a revocation: the one session that it is about; empty: all. Of a purge: why. Of a
	// membership: how people are told
	Session string `bson:"session"`
	// of a membership that begins: through which Seq of the room there is nothing new to the user;
	// else 0
	From    int64 `bson:"from"`
	Created int64 `bson:"created"` // UTC milliseconds
}

// Intents keeps what has to be told on the bus.
type Intents interface {
	PutIntent(ctx context.Context, i Intent) error
	// none is not an error
	DeleteIntent(ctx context.Context, id string) error
	IntentsBefore(ctx context.Context, created int64, limit int) ([]Intent, error) // oldest first
}
