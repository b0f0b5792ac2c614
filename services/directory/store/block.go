package store

import (
	"context"
)

// Block keeps another user from writing to a user, or with Ignore only hides what the other writes.
type Block struct {
	User    string `bson:"user"`    // who blocks
	Other   string `bson:"other"`   // who is blocked, and not told
	Name    string `bson:"name"`    // the other's, at the time
	Ignore  bool   `bson:"ignore"`  // only not shown: the other may write all the same
	Created int64  `bson:"created"` // UTC milliseconds
}

// Blocks keeps which users block which others.
type Blocks interface {
	// adds it, or changes its Ignore
	PutBlock(ctx context.Context, b Block) error
	Block(ctx context.Context, user, other string) (Block, error) // ErrNotFound
	// none is not an error
	DeleteBlock(ctx context.Context, user, other string) error
	// a user's, by the other's id, after that one
	Blocks(ctx context.Context, user, after string, limit int) ([]Block, error)
	// those by the user, and those of the user
	DeleteBlocksOf(ctx context.Context, user string) error
}
