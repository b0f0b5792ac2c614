package store

import "context"

// MaxSaved is how many messages a user has saved at most.
const MaxSaved = 1000

// Saved is a message that a user has saved, to find it again.
type Saved struct {
	User   string `bson:"user"`
	Room   string `bson:"room"`
	Author string `bson:"author"` // who wrote the message
	ID     string `bson:"id"`     // of the message
	// TS is when it was saved, in UTC milliseconds; no two of a user have one.
	TS int64 `bson:"ts"`
}

// Saves keeps what users have saved; see Store for what holds of its methods.
type Saves interface {
	// PutSaved keeps what a user has saved. What is saved already changes nothing.
	PutSaved(ctx context.Context, s Saved) error
	// DropSaved forgets that a user has saved a message.
	DropSaved(ctx context.Context, user, room string, name Name) error
	// Saved returns what a user has saved before a time, the last first, at most limit.
	Saved(ctx context.Context, user string, before int64, limit int) ([]Saved, error)
	// RemoveSavedBy forgets all that a user has saved, and RemoveSavedIn what all have in a room.
	RemoveSavedBy(ctx context.Context, user string) error
	RemoveSavedIn(ctx context.Context, room string) error
}
