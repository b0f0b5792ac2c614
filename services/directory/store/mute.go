package store

import "context"

// Mute keeps a user from writing in a room, or with an empty Room on the whole server, for a time.
type Mute struct {
	Room    string `bson:"room"`
	User    string `bson:"user"`
	Name    string `bson:"name"`    // the user's name at the time of the mute
	Actor   string `bson:"actor"`   // id of the user who muted
	Reason  string `bson:"reason"`  // the muted user sees it
	Until   int64  `bson:"until"`   // UTC milliseconds; chat.Forever: until it is lifted
	Created int64  `bson:"created"` // UTC milliseconds
}

// Mutes keeps mutes. See Store for what holds for its methods. An expired mute stays until it is
// deleted.
type Mutes interface {
	// adds or replaces the mute
	PutMute(ctx context.Context, m Mute) error
	Mute(ctx context.Context, room, user string) (Mute, error) // ErrNotFound
	// no error if there is none
	DeleteMute(ctx context.Context, room, user string) error
	// that end up to this time
	DeleteMutesBefore(ctx context.Context, until int64) error
	// ordered by user id, after the given one
	Mutes(ctx context.Context, room, after string, limit int) ([]Mute, error)
	// the user's mutes in these rooms, or in all if none are given, ordered by room id
	MutesOf(ctx context.Context, user string, rooms ...string) ([]Mute, error)
}
