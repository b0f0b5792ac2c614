package store

import "context"

// Job removes the messages of a user, or a room, in the background, since that takes long.
type Job struct {
	ID      string `bson:"_id"`
	Room    string `bson:"room"`    // empty: all rooms
	User    string `bson:"user"`    // whose messages; empty: the whole room
	After   int64  `bson:"after"`   // only messages of this time and later, in UTC milliseconds
	Actor   string `bson:"actor"`   // who wants it
	Name    string `bson:"name"`    // of Actor
	Created int64  `bson:"created"` // UTC milliseconds

	// How far it has got.
	Pass   int    `bson:"pass"`    // how often all rooms have been gone through
	AtRoom string `bson:"at_room"` // the room that is gone through
	AtID   string `bson:"at_id"`   // the ID that was reached in it; empty: its newest
	Done   int64  `bson:"done"`    // when it was done, in UTC milliseconds; 0: it is not
	Lease  int64  `bson:"lease"`   // until when one process works on it, in UTC milliseconds
}

// Jobs keeps jobs, and finds and removes what they are about; see Store for what holds of its
// methods.
type Jobs interface {
	// PutJob adds a job. One whose ID is there already changes nothing.
	PutJob(ctx context.Context, j Job) error
	// OpenJobs returns the jobs that are not done, oldest first, at most limit.
	OpenJobs(ctx context.Context, limit int) ([]Job, error)
	// JobsSince returns the jobs that were made at a time or later, oldest first, done or not.
	JobsSince(ctx context.Context, created int64) ([]Job, error)
	// ClaimJob gives the caller a job until a time, unless another has it now or it is done: then
	// it returns false.
	ClaimJob(ctx context.Context, id string, now, until int64) (Job, bool, error)
	// SaveJob keeps how far a job has got.
	SaveJob(ctx context.Context, j Job) error
	// NextRoom returns the first room after one, by id, that has entries; empty: there is none.
	NextRoom(ctx context.Context, after string) (string, error)
	// MessagesOf returns messages of a sender in a room, at most limit: those that come after the
	// one with the ID before, or with that empty the first. The order is the store's own: in SQLite
	// from the newest on, and in MongoDB by ID from the greatest on, which is the same for IDs that
	// clients make by the time, as ours do.
	MessagesOf(ctx context.Context, room, sender, before string, limit int) ([]Entry, error)
	// RemoveEntries removes entries of a room, at most limit, and returns how many.
	RemoveEntries(ctx context.Context, room string, limit int) (int, error)
	// RemoveReads removes how far users have read a room.
	RemoveReads(ctx context.Context, room string) error
}
