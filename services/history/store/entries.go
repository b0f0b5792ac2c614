package store

import (
	"context"

	"hubbub.internal/libs/bus"
)

// Entries keeps the entries of the rooms' logs; see Store for what holds of its methods.
type Entries interface {
	// Append keeps entries, those of a room in order, and marks those that are past. One that is
	// there already changes nothing. When it fails, what is kept of a room has no hole: none of its
	// entries without those given before it.
	Append(ctx context.Context, entries []Entry) (Outcome, error)
	// Last returns the position of the last entry of a room, the zero Position if it has none; or
	// through which Seq the room is removed, without an ID, if that is higher.
	Last(ctx context.Context, room string) (bus.Position, error)
	// Highest returns the highest Seq of all rooms, also one that was removed; 0 if there is none.
	Highest(ctx context.Context) (uint64, error)
	// At returns the entries at a Seq: more than one after a conflict.
	At(ctx context.Context, room string, seq uint64) ([]Entry, error)
	// Since returns the first entries with Seq > after, in order, at most limit.
	Since(ctx context.Context, room string, after uint64, limit int) ([]Entry, error)
	// Latest, Newest and Oldest leave out the answers in threads that are not broadcast. Latest
	// returns what Last and Newest do, without a bound: the position of the last entry of a
	// room, and the last messages up to there, in order, at most limit.
	Latest(ctx context.Context, room string, limit int) (bus.Position, []Entry, error)
	// Newest returns the last messages (chat.TypeMsg) with Seq < before, in order, at most limit.
	Newest(ctx context.Context, room string, before uint64, limit int) ([]Entry, error)
	// Oldest returns the first messages with Seq > after, in order, at most limit.
	Oldest(ctx context.Context, room string, after uint64, limit int) ([]Entry, error)
	// Acts returns the last acts of moderation (chat.TypeModerated) with after < Seq < before, in
	// order, at most limit.
	Acts(ctx context.Context, room string, after, before uint64, limit int) ([]Entry, error)
	// Events returns the last entries of the types of EventTypes with after < Seq < before, in
	// order, at most limit.
	Events(ctx context.Context, room string, after, before uint64, limit int) ([]Entry, error)
	// Find returns the entry to which a sender gave an ID, whatever its type; false: there is none.
	Find(ctx context.Context, room, sender, id string) (Entry, bool, error)
	// Messages returns the messages of a room with these names, in order.
	Messages(ctx context.Context, room string, names []Name) ([]Entry, error)
	// MessagesBy returns the messages of a sender in all rooms, those of a room together and by
	// Seq, after a Seq of a room, at most limit. The order of the rooms is the store's own. An
	// empty room: from the first on.
	MessagesBy(ctx context.Context, sender, room string, after uint64, limit int) ([]Entry, error)
	// Namesakes returns the first messages of a room with an ID, whoever sent them, in order, at
	// most limit.
	Namesakes(ctx context.Context, room, id string, limit int) ([]Entry, error)
	// About returns the entries of these types that are about one of the messages with these names
	// and are not past, in order: those with such a Target and Author, and those with such a Target
	// and without an Author. Where there are more than limit, it returns any of them, so many; 0:
	// all. No types: any.
	About(ctx context.Context, room string, names []Name, limit int, types ...string) ([]Entry, error)
	// Changes counts the entries, past ones too, that are about a message, at most limit, and the
	// edits among them.
	Changes(ctx context.Context, room string, name Name, limit int) (all, edits int, err error)
	// KeepOriginal moves the Data of a message out of the way of readers, since an edit has
	// replaced what it says: in its place is what scrub makes of it, and Versions alone returns it
	// as it was.
	KeepOriginal(ctx context.Context, room string, name Name, scrub func(Entry) ([]byte, error)) error
	// Versions returns the entries that gave a message its texts, past ones too: the message, as it
	// was appended, and its edits; those with Seq < before, the last first, at most limit.
	Versions(ctx context.Context, room string, name Name, before uint64, limit int) ([]Entry, error)
	// Erase replaces the Data of a message and of its edits, which have its sender, by what scrub
	// makes of it, and returns their Seqs. Nothing is left of what KeepOriginal has kept.
	Erase(ctx context.Context, room string, name Name, scrub func(Entry) ([]byte, error)) ([]uint64, error)
}
