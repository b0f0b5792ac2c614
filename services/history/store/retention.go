package store

import "context"

// Removals removes the beginning of rooms; see Store for what holds of its methods.
type Removals interface {
	// RemoveThrough removes the oldest entries of a room with a Seq <= through, at most limit, and
	// with messages all that is about them: later entries, mentions, what they are found by, their
	// places in threads. It notes how far the room is removed, and returns how many entries it
	// found: with fewer than limit nothing is left. It can be done again.
	RemoveThrough(ctx context.Context, room string, through uint64, limit int) (int, error)
	// Removed returns how far a room is removed.
	Removed(ctx context.Context, room string) (Removed, error)
	// PutTold notes how many of the removed messages of a room the audit log knows of.
	PutTold(ctx context.Context, room string, told int64) error
	// Untold returns the first rooms after one, by id, at most limit of them, that the audit log
	// does not know all removals of. Those that are being reset are not among them.
	Untold(ctx context.Context, after string, limit int) ([]string, error)
	// PutReset notes that a room was reset by the entry with a Seq: what comes before it is going.
	PutReset(ctx context.Context, room string, seq uint64) error
	// Resets returns the rooms of which something may be left from before a reset, and the Seq of
	// that, at most limit of them.
	Resets(ctx context.Context, limit int) (map[string]uint64, error)
	// EndReset notes that nothing is left from before a reset, and that the audit log knows of it.
	EndReset(ctx context.Context, room string, seq uint64) error
	// NthNewest returns the Seq of the message of a room, as its pages have them, behind which
	// there are n-1 more; 0: there are fewer.
	NthNewest(ctx context.Context, room string, n int) (uint64, error)
	// ClaimSweep gives the round of retention to the caller until a time, unless another has it now
	// or it is not due: then it returns false.
	ClaimSweep(ctx context.Context, now, until int64) (Sweep, bool, error)
	// SaveSweep keeps how far the round has got, and gives it back.
	SaveSweep(ctx context.Context, s Sweep) error
	// HurrySweep lets the round begin anew, and at once.
	HurrySweep(ctx context.Context) error
}

// Removed says how far a room is removed. The Seq stays used: Last and Highest return no lower one.
type Removed struct {
	Through  uint64 // what has this Seq or a lower one is gone, or is going; 0: nothing is
	Messages int64  // how many messages went, about
	Told     int64  // of how many of them the audit log knows
}

// Sweep is how far a round of retention has got through all rooms. There is one.
type Sweep struct {
	Room string `bson:"room"` // the last one that is done, by id; empty: none
	Due  int64  `bson:"due"`  // when it goes on, in UTC milliseconds
	// Round counts HurrySweep: SaveSweep changes nothing if that was called meanwhile, and only
	// gives the round back.
	Round int64 `bson:"round"`
}
