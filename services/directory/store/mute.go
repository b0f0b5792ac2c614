package store

import "context"

// Mute keeps a user from writing in a room, or with an empty Room anywhere, for a time.
type Mute struct {
	Room    string `bson:"room"`
	User    string `bson:"user"`
	Name    string `bson:"name"`    // the user's, at the time
	Actor   string `bson:"actor"`   // who muted
	Reason  string `bson:"reason"`  // which the user is told
	Until   int64  `bson:"until"`   // UTC milliseconds; chat.Forever: until it is lifted
	Created int64  `bson:"created"` // UTC milliseconds
}

// Mutes keeps mutes; see Store for what holds of its methods. A mute that has ended stays until it
// is deleted.
type Mutes interface {
	// in place of the one that there may be
	PutMute(ctx context.Context, m Mute) error
	Mute(ctx context.Context, room, user string) (Mute, error) // ErrNotFound
	// none is not an error
	DeleteMute(ctx context.Context, room, user string) error
	// that had ended by then
	DeleteMutesBefore(ctx context.Context, until int64) error
	// by user id, after that one
	Mutes(ctx context.Context, room, after string, limit int) ([]Mute, error)
	// of the user in these rooms, or without any in all, by room id
	MutesOf(ctx context.Context, user string, rooms ...string) ([]Mute, error)
}
