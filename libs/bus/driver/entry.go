package driver

import "time"

// NewEntry is what a caller appends.
type NewEntry struct {
	Room   string
	Sender string // the sender, as authenticated by the caller
	// the sender's own id for it; (Room, Sender, ID) is the key by which a repeat is recognised
	ID   string
	Data []byte // at most MaxData bytes
}

// Appended is the outcome of an Append.
type Appended struct {
	Seq uint64 // the entry's position in its room
	// the key was appended before, within DedupeWindow: Seq is that entry's, and nothing was added
	Duplicate bool
}

// Entry is an entry of a room's log.
type Entry struct {
	Room   string
	Seq    uint64 // strictly increasing within the room, not contiguous, at most MaxSeq
	Prev   uint64 // Seq of the entry before it in the room; 0: the first, or (in Consume) unknown
	Sender string
	ID     string
	Data   []byte
	// Redriven: the entry was parked and put back (Log.Redrive), so later entries of its room may
	// have been consumed before it. Only Consume sets it.
	Redriven bool
}

// Position is a place in a room's log: that of the entry with this Seq and ID. The zero Position is
// the log's start. Identity is both: after a failover that lost the log's tail a Seq may be in use
// again for another entry. An empty ID matches any.
type Position struct {
	Seq uint64
	ID  string
}

// Replayed is a part of a room's log.
type Replayed struct {
	// in order, each with its Prev, which for the first is the position asked for; owned by the
	// caller
	Entries []Entry
	Through uint64 // the answer is complete through this Seq, even if no entry has it
	More    bool   // the limit cut the answer: ask again after the last entry
	// Truncated: the log no longer reaches back to the position asked for. Only the consumers of
	// the log have the entries of the room between the position and the log's beginning, if there
	// were any (natsbus knows only where the log of all rooms begins). Entries holds what the log
	// still has. The position is good: this is no rewind.
	Truncated bool
	// Rewound: the log has another entry at the position asked for, or ends before it: it lost its
	// tail in a failover, or was restored to an older state. Entries is empty and Through is the
	// log's head.
	Rewound bool
}

// Head is the end of a room's log.
type Head struct {
	Position // of the room's last entry; zero for a room without entries
	// the room has no other entry up to this Seq, which is not less than the Position's
	Through uint64
	// Front: retention has removed the room's entries through this Seq, if it had any (natsbus
	// knows only how far retention has come in the log of all rooms).
	Front uint64
}

// DeadLetter is an entry that a group's handler kept failing on.
type DeadLetter struct {
	Entry  Entry
	Reason string    // the handler's last error
	At     time.Time // when it was parked
}

// Group is a required group.
type Group struct {
	Name string
	// Unread is when the oldest entry was appended that the group has not consumed; retention keeps
	// it however old it is. Zero: the group has consumed everything.
	Unread time.Time
}
