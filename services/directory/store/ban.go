package store

import (
	"context"
)

// Ban keeps a user out of a room, or with an empty Room out of the whole server.
type Ban struct {
	Room    string `bson:"room"`
	User    string `bson:"user"`
	Name    string `bson:"name"`    // the user's name at the time of the ban
	Actor   string `bson:"actor"`   // id of the user who banned
	Reason  string `bson:"reason"`  // for moderators and owners
	Created int64  `bson:"created"` // UTC milliseconds
	Until   int64  `bson:"until"`   // UTC milliseconds; 0: until somebody ends it
}

// Over reports whether the ban has ended by a time in UTC milliseconds.
func (b Ban) Over(now int64) bool { return b.Until != 0 && b.Until <= now }

// Bans keeps who is banned from which rooms, and from the server.
type Bans interface {
	// adds the ban, or changes the Reason and Until of the one there is
	PutBan(ctx context.Context, b Ban) error
	Ban(ctx context.Context, room, user string) (Ban, error) // ErrNotFound
	// no error if there is none
	DeleteBan(ctx context.Context, room, user string) error
	// ordered by user id, after the given one
	Bans(ctx context.Context, room, after string, limit int) ([]Ban, error)
	BansOf(ctx context.Context, user string) ([]Ban, error) // ordered by room id
	// over by now, ordered by Until
	EndedBans(ctx context.Context, now int64, limit int) ([]Ban, error)
	// deletes the ban if it is over by now
	EndBan(ctx context.Context, room, user string, now int64) error
}
