// Package history is the history service as the other services see it: request types and a client
// over the bus.
package history

import "hubbub.internal/libs/chat"

// The services that history serves on the bus.
const (
	ServicePage  = "history.page"  // PageRequest to Page
	ServiceSince = "history.since" // SinceRequest to Since
	ServiceApply = "history.apply" // ApplyRequest to Applied
	ServiceRead  = "history.read"  // ReadRequest to ReadReply
	ServiceSent  = "history.sent"  // SentRequest to Sent
)

// Limits of a page, in messages.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// PageRequest asks for messages of a room: at most one of Before, After, Around, At and Mention is
// set, or Oldest; none means the newest. The caller has checked that the user may read the room.
type PageRequest struct {
	// who asks: requests of one user wait for each other. Edges of earlier releases do not say it
	User   string `json:"user,omitempty"`
	Room   string `json:"room"`
	Before uint64 `json:"before,omitempty"` // exclusive
	After  uint64 `json:"after,omitempty"`  // exclusive
	Around uint64 `json:"around,omitempty"` // half of the limit on each side of it, itself included
	// At means around the first message that is not older, in UTC milliseconds; where there is
	// none, the newest.
	At int64 `json:"at,omitempty"`
	// Mention means around the first message after this Seq that mentions the user; where there is
	// none, no messages.
	Mention uint64 `json:"mention,omitempty"`
	Oldest  bool   `json:"oldest,omitempty"` // from the first message on: After is 0, not absent
	Limit   int    `json:"limit,omitempty"`  // 1 to MaxLimit; 0: DefaultLimit
	// the messages of this thread alone, without its root; zero: those that the room shows
	Thread chat.Thread `json:"thread,omitzero"`
	// Events: with what happened in the room. The caller has checked that the user is a member, who
	// may know who comes and goes.
	Events bool `json:"events,omitempty"`
	// All: also the answers in threads that the room does not show, where After or Around is set.
	All bool `json:"all,omitempty"`
}

// Page is a run of a room's messages, oldest first.
type Page struct {
	Messages []chat.Message `json:"messages"`
	More     bool           `json:"more"` // there are more in the direction asked for
	// Found is the Seq of the message that At or Mention led to, also where it is not among the
	// messages, since it was deleted.
	Found uint64 `json:"found,omitempty"`
	// FoundIn names the thread that the message at Found is an answer in, if the room does not show
	// it; nil: the room does.
	FoundIn *chat.Thread `json:"found_in,omitempty"`
	// Acts are the acts of moderation (chat.TypeModerated) between the messages and, where there
	// are no more of those, beside them.
	Acts []chat.Event `json:"acts,omitempty"`
	// Events are what else happened in the room there: chat.TypeTopic, TypeMember and TypePinned.
	Events []chat.Event `json:"events,omitempty"`
	// Root is that of a page of a thread; nil: there is no such message. If the message that was
	// asked for is itself an answer in a thread, it is the root of that one.
	Root *chat.Message `json:"root,omitempty"`
	// Removed says what retention, or a reset, has taken of the beginning of the room; nil:
	// nothing, or the request has no All.
	Removed *Removed `json:"removed,omitempty"`
}

// Removed is the beginning of a room that is gone.
type Removed struct {
	Through  uint64 `json:"through"`  // the Seq of its last entry
	Messages int64  `json:"messages"` // how many it had, about
}

// SinceRequest asks for the log entries of a room after a seq, as they were appended: what a client
// missed that was away for longer than the bus keeps its log. The answer includes the tail that
// history has not stored yet.
type SinceRequest struct {
	User  string `json:"user,omitempty"` // who asks, as in PageRequest
	Room  string `json:"room"`
	After uint64 `json:"after"`
	ID    string `json:"id,omitempty"` // id of the event at After; empty: not checked
	Limit int    `json:"limit"`        // 1 to 1,000
}

// Since answers SinceRequest.
type Since struct {
	Entries []Entry `json:"entries"`
	More    bool    `json:"more,omitempty"`
	Rewound bool    `json:"rewound,omitempty"` // history has another event at After
	Through uint64  `json:"through"`           // the answer is complete through this seq
}

// Entry is a log entry: Data is as chat.AppendEntry made it.
type Entry struct {
	Seq  uint64 `json:"seq"`
	Prev uint64 `json:"prev"`
	User string `json:"user"`
	ID   string `json:"id"`
	Data []byte `json:"data"`
}

// ApplyRequest asks history to check an edit, delete, react or pin against the record and to append
// it to the log. The caller has authenticated the user and checked that the user may send to the
// room.
type ApplyRequest struct {
	// Type, Room, ID, User, Name, TS, Target, and Text, Emoji or On
	Event     chat.Event `json:"event"`
	Moderator bool       `json:"moderator"` // the user may act on others' messages
	Pin       bool       `json:"pin"`       // the user may pin
}

// Applied says where the event now stands in the log.
type Applied struct {
	Seq uint64 `json:"seq"`
}

// ReadRequest says that a user has read a room through a seq; the largest wins.
type ReadRequest struct {
	Room string `json:"room"`
	User string `json:"user"`
	Seq  uint64 `json:"seq"`
}

// ReadReply has the position that is now kept.
type ReadReply struct {
	Seq uint64 `json:"seq"`
}

// SentRequest asks whether a user's message is in the log or in the record, however old it is and
// also when it was deleted since.
type SentRequest struct {
	Room string `json:"room"`
	User string `json:"user"`
	ID   string `json:"id"`
}

// Sent says where the message stands. chat.CodeConflict instead says that the user gave the ID to
// something else in the room, such as an edit.
type Sent struct {
	Seq uint64 `json:"seq"`          // 0: it is not there
	TS  int64  `json:"ts,omitempty"` // of the message, in UTC milliseconds
}
