package store

import (
	"context"
)

// Block keeps another user from writing to a user. With Ignore it only hides what the other user
// writes.
type Block struct {
	User    string `bson:"user"`    // the user who blocks
	Other   string `bson:"other"`   // the user who is blocked, whom nobody tells
	Name    string `bson:"name"`    // Other's name at the time of the block
	Ignore  bool   `bson:"ignore"`  // only hide: Other may still write
	Created int64  `bson:"created"` // UTC milliseconds
}

// Blocks keeps which users block which others.
type Blocks interface {
	// adds the block, or changes the Ignore of the one there is
	PutBlock(ctx context.Context, b Block) error
	Block(ctx context.Context, user, other string) (Block, error) // ErrNotFound
	// no error if there is none
	DeleteBlock(ctx context.Context, user, other string) error
	// the user's blocks, ordered by Other, after the given one
	Blocks(ctx context.Context, user, after string, limit int) ([]Block, error)
	// both the blocks by the user and those of the user
	DeleteBlocksOf(ctx context.Context, user string) error
}
