package store

import (
	"context"
)

// Seen says when a user was last connected.
type Seen struct {
	User string
	At   int64 // UTC milliseconds
}

// LastSeen keeps when users were last connected.
type LastSeen interface {
	// keeps the latest time of each user; ignores unknown users
	PutSeen(ctx context.Context, seen []Seen) error
	// UTC milliseconds; 0: never
	Seen(ctx context.Context, user string) (int64, error)
}
