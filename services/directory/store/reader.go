package store

import "context"

// Readers remembers which users were readers of a room when their membership ended: otherwise they
// could leave, come back and write. See Store for what holds for its methods.
type Readers interface {
	// no error if there is one
	PutReader(ctx context.Context, room, user string) error
	Reader(ctx context.Context, room, user string) (bool, error) // whether there is one
	DeleteReader(ctx context.Context, room, user string) error   // no error if there is none
	DeleteReadersIn(ctx context.Context, room string) error      // all of a room
	DeleteReadersOf(ctx context.Context, user string) error      // all of a user
}
