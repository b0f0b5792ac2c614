package store

import (
	"context"
)

// Key is a key that tokens are signed with.
type Key struct {
	ID      string `bson:"_id"`
	Seed    []byte `bson:"seed"`    // of the Ed25519 private key (RFC 8032), which may be encrypted
	Created int64  `bson:"created"` // UTC milliseconds
}

// Keys keeps the keys that tokens are signed with.
type Keys interface {
	// ErrConflict
	CreateKey(ctx context.Context, k Key) error
	// newest first
	Keys(ctx context.Context) ([]Key, error)
	// changes the stored seed; ErrNotFound
	SetKeySeed(ctx context.Context, id string, seed []byte) error
	// no error if there is none
	DeleteKey(ctx context.Context, id string) error
}
