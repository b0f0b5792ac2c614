// Package store is what history keeps: every entry of every room's log, and how far each user has
// read. It owns the records and the contract; sqlite and mongo keep it, and storetest checks them.
//
// Entries are facts and are never changed, but for the erasure of text that was deleted or
// replaced, and for the mark of those that say nothing any more: what a message has become is
// derived from it and the entries about it, so the order in which they arrive does not matter.
package store

import (
	"context"
	"fmt"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// PageBytes is how much Data, in bytes, a page has, if it has more than one message. A store reads
// no more for one than it must: Latest, Newest and Oldest may return fewer than limit, and two at
// least, once those have more than this.
const PageBytes = 128 << 10

// Entry is an entry of a room's log.
type Entry struct {
	Room   string `bson:"room"`
	Seq    uint64 `bson:"seq"`
	Sender string `bson:"sender"`
	ID     string `bson:"id"`
	Type   string `bson:"type"`             // of the event in Data
	Target string `bson:"target,omitempty"` // ID of the message that the event is about
	// Author is who wrote that message. Empty: the entry does not say it, and there was no message
	// with that ID yet; or, in MongoDB, a process of the release before this field wrote the entry.
	Author string `bson:"author,omitempty"`
	// Slot names the property of that message that the entry sets: of the entries with one Target,
	// Author and Slot the last counts. See SlotOf.
	Slot string `bson:"slot,omitempty"`
	// Past: the entry does not count any more, since a later one has its slot, or it left the slot
	// empty itself.
	Past bool   `bson:"past,omitempty"`
	Data []byte `bson:"data"` // as it was appended to the log
	// Thread names the root of the thread that a message is an answer in; zero: it is in none.
	// Pages of the room have it only if it is Broadcast. Append is told; what a store returns need
	// not say it: see Threads.RootsOf.
	Thread    Name `bson:"-"`
	Broadcast bool `bson:"-"`
	// Done is what the entries about this message did to it, where the store says that with the
	// message; nil: it does not, and they are asked for with About.
	Done *Done `bson:"-"`
	// Terms are what a message is to be found by, for Append alone. None: it is not indexed.
	Terms []string `bson:"-"`
}

// EventTypes are the types of entries that say what happened in a room beside acts of moderation.
var EventTypes = []string{chat.TypeMember, chat.TypePinned, chat.TypeTopic}

// Name names a message of a room: two senders may choose one ID.
type Name struct{ Sender, ID string }

// Name returns the name of an entry.
func (e *Entry) Name() Name { return Name{e.Sender, e.ID} }

// Key returns the primary key of an entry: those of a room lie together, in the order of Seq.
func Key(room string, seq uint64) string { return fmt.Sprintf("%s:%020d", room, seq) }

// ConflictKey returns the key of an entry whose Key another entry has: right behind that one.
func ConflictKey(e Entry) string { return Key(e.Room, e.Seq) + "~" + e.Sender + "~" + e.ID }

// Outcome says what became of the entries given to Append that were not simply new.
type Outcome struct {
	// Conflicts had a Seq that another entry of the room has: both are kept. The log was rewound.
	Conflicts []Entry
	// Repeats had a sender and an ID that an entry with another Seq has: that one is kept alone.
	Repeats []Repeat
}

// Repeat is an entry whose sender and ID an entry at another Seq of the room has.
type Repeat struct {
	Entry
	First uint64 // the Seq of the one that is kept
}

// Store keeps the records. Its methods are safe for concurrent use and have reached the disk when
// they return. Any error means that the store does not work right now.
type Store interface {
	Jobs
	Inboxes
	Searches
	Threads
	Follows
	Pins
	Saves
	Removals
	Holds
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
	// Erase replaces the Data of a message and of its edits, which have its sender, by what scrub
	// makes of it where they have a Seq < before, and returns their Seqs.
	Erase(ctx context.Context, room string, name Name, before uint64, scrub func(Entry) ([]byte, error)) ([]uint64, error)
	// PutRead remembers that a user has read a room through a Seq, and returns the largest so far.
	PutRead(ctx context.Context, room, user string, seq uint64) (uint64, error)
	// Reads returns how far a user has read each room.
	Reads(ctx context.Context, user string) (map[string]uint64, error)
	Close() error
}
