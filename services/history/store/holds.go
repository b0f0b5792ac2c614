package store

import "context"

// Hold keeps what is said in a room, or by a user anywhere, from being removed: whatever removes or
// erases an entry that one is about first puts it aside as it is. Readers see no difference.
type Hold struct {
	ID      string `bson:"_id"`
	Room    string `bson:"room"` // either the room
	User    string `bson:"user"` // or the sender
	Reason  string `bson:"reason"`
	Actor   string `bson:"actor"`   // who made it; empty: at a console
	Name    string `bson:"name"`    // of the actor, at the time
	Created int64  `bson:"created"` // UTC milliseconds
}

// About reports whether an entry of a sender in a room is held.
func (h *Hold) About(room, sender string) bool {
	return h.Room != "" && h.Room == room || h.User != "" && h.User == sender
}

// MaxHolds is how many holds there are at most.
const MaxHolds = 500

// Holds keeps holds, and what was put aside for them; see Store for what holds of its methods.
type Holds interface {
	// PutHold adds a hold. One whose ID is there already changes nothing.
	PutHold(ctx context.Context, h Hold) error
	// Holds returns all of them, oldest first.
	Holds(ctx context.Context) ([]Hold, error)
	// DeleteHold lifts a hold, and returns it; false: there is none.
	DeleteHold(ctx context.Context, id string) (Hold, bool, error)
	// Held returns what was put aside of a room, or else of a user, by room and Seq, after a Seq of
	// a room, at least the first of it and at most limit; those with one Seq come together.
	Held(ctx context.Context, h Hold, room string, after uint64, limit int) ([]Entry, error)
	// DropHeld removes what is put aside and no hold is about, at most limit, and returns how many
	// entries that were.
	DropHeld(ctx context.Context, limit int) (int, error)
}

// TogetherBefore returns the first of some entries, of which there may be more after limit, without
// a Seq of which not all may be there.
func TogetherBefore(all []Entry, limit int) []Entry {
	if len(all) < limit {
		return all
	}
	end := len(all) - 1
	for end > 0 && all[end-1].Room == all[end].Room && all[end-1].Seq == all[end].Seq {
		end--
	}
	if end == 0 {
		return all
	}
	return all[:end]
}
