// Package store is what history keeps: every entry of every room's log, and how far each user has
// read. It owns the records and the contract; sqlite and mongo keep it, and storetest checks them.
//
// Entries are facts and are never changed, but for the erasure of text that was deleted, for the
// text of a message that was edited, which is kept beside it, and for the mark of those that say
// nothing any more: what a message has become is derived from it and the entries about it, so the
// order in which they arrive does not matter.
package store

import (
	"fmt"

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
	Entries
	Inboxes
	MentionLists
	Searches
	Threads
	Follows
	Pins
	Saves
	Jobs
	Removals
	Holds
	Close() error
}
