package store

import "context"

// Readers remembers who was a reader of a room when the membership ended: else leaving and coming
// back would give the word. See Store for what holds of its methods.
type Readers interface {
	// one that is there is not an error
	PutReader(ctx context.Context, room, user string) error
	Reader(ctx context.Context, room, user string) (bool, error) // whether it is there
	DeleteReader(ctx context.Context, room, user string) error   // none is not an error
	DeleteReadersIn(ctx context.Context, room string) error      // of a room
	DeleteReadersOf(ctx context.Context, user string) error      // of a user
}
